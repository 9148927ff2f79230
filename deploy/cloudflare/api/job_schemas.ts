/** Registers the JSON Schemas of the params and the results of jobs as components of the OpenAPI document. */

import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { AppEnv } from "./context.ts";
import components from "./generated/components.json" with { type: "json" };

export const TaskName = z
  .enum(["upscale", "track", "export"])
  .openapi({ description: "The name of the task." });
export type TaskName = z.infer<typeof TaskName>;

/** The schema of a job's `params`. */
export const PARAMS = {
  description: "What the job does, and how: the params of its task, as docs/jobs.md describes them.",
  anyOf: references("UpscaleParams", "TrackParams", "ExportParams"),
};

/** The schema of the worker's result. */
export const RESULT = {
  description:
    "The worker's result, as docs/jobs.md describes it; null until completed. Without `stats` it is a short form, " +
    "because the whole one is too long.",
  anyOf: [
    ...references("UpscaleResult", "TrackAnswer", "TrackStored", "ExportResult"),
    { type: "object" as const, not: { required: ["stats"] } },
    { type: "null" as const },
  ],
};

/** What results lack in lists, because it may be long. */
export const LEFT_OUT_OF_LISTS = ["tracks", "keyframes", "fidelity"] as const;

/** The schema of the worker's result in a list of jobs. */
export const LISTED_RESULT = {
  description: `The worker's result without ${LEFT_OUT_OF_LISTS.map((name) => `\`${name}\``).join(", ")}; null until completed.`,
  not: { anyOf: LEFT_OUT_OF_LISTS.map((name) => ({ type: "object" as const, required: [name] })) },
};

/** Registers the schemas, and those that they refer to. */
export function registerJobSchemas(app: OpenAPIHono<AppEnv>): void {
  for (const [name, schema] of Object.entries(components)) {
    app.openAPIRegistry.registerComponent("schemas", name, schema as object);
  }
}

function references(...names: string[]): { $ref: string }[] {
  return names.map((name) => ({ $ref: `#/components/schemas/${name}` }));
}
