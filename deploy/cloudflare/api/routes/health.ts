/** GET /health: whether the API, its database and RunPod answer. */

import { createRoute, z } from "@hono/zod-openapi";
import { newRouter } from "../router.ts";

export const health = newRouter();

const Health = z.object({ ok: z.boolean() }).openapi("Health");

health.openapi(
  createRoute({
    method: "get",
    path: "/health",
    summary: "Whether the API works",
    responses: {
      200: { description: "The API works.", content: { "application/json": { schema: Health } } },
    },
  }),
  async (c) => {
    await c.env.DB.prepare("SELECT 1").first();
    return c.json({ ok: true }, 200);
  },
);
