/** Serves GET /models: what each model of the catalog is for, who may use it, and how fast it is. */

import { createRoute, z } from "@hono/zod-openapi";
import models from "../generated/models.json" with { type: "json" };
import { speedsOf } from "../price_table.ts";
import { json } from "../responses.ts";
import { newRouter } from "../router.ts";

export const modelList = newRouter();

const ModelSpeed = z
  .object({
    gpu: z.string().openapi({ description: "The GPU, or cpu.", example: "RTX 4090" }),
    width: z.int().openapi({ description: "The width of the input frames, in pixels." }),
    height: z.int().openapi({ description: "Their height, in pixels." }),
    fps: z.number().openapi({ description: "Frames per second, from file to file." }),
    origin: z.string().openapi({ description: "Who measured it, how and when." }),
  })
  .openapi("ModelSpeed");

const Model = z
  .object({
    name: z.string().openapi({ description: "What `model` of a job names." }),
    task: z
      .enum(["upscale", "detect"])
      .openapi({ description: "`upscale` for upscales and exports, `detect` for tracks." }),
    scale: z.int().nullable().openapi({ description: "Output size over input size; null for a detector." }),
    good_for: z.string().openapi({ description: "What to use it for." }),
    licence: z.string().openapi({ description: "The SPDX identifier of its weights' licence." }),
    closed_product: z.enum(["yes", "no", "unknown"]).openapi({
      description: "Whether a product with closed source may use it; a description, not legal advice.",
    }),
    sample: z
      .string()
      .nullable()
      .openapi({
        description:
          "The path, on this host, of a picture of what the model does; null if none was made. An upscaler stands " +
          "beside bicubic, a detector's boxes are drawn on a photograph.",
        example: "/samples/realesr-animevideov3.webp",
      }),
    speeds: z.array(ModelSpeed).openapi({ description: "How fast it ran; empty if nobody measured it." }),
  })
  .openapi("Model");

const Models = z
  .object({ models: z.array(Model).openapi({ description: "In the order of the catalog." }) })
  .openapi("Models");
type Models = z.infer<typeof Models>;

modelList.openapi(
  createRoute({
    method: "get",
    path: "/models",
    summary: "The models that a job can name",
    description:
      "All models that this version of Framewright knows. The workers have those that the operator built; a job " +
      "that names another fails and costs nothing.",
    responses: { 200: json("The models.", Models) },
  }),
  (c) => {
    const listed = models.map((model) => ({
      ...model,
      speeds: speedsOf(model.name).map(({ gpu, width, height, fps, origin }) => ({
        gpu,
        width,
        height,
        fps,
        origin,
      })),
    })) as Models["models"];
    return c.json({ models: listed }, 200);
  },
);
