/** Serves GET /health, which says whether the API and its database answer. */

import { createRoute, z } from "@hono/zod-openapi";
import { ApiError } from "../errors.ts";
import { event } from "../events.ts";
import { error, json } from "../responses.ts";
import { newRouter } from "../router.ts";

export const health = newRouter();

/** For how long one answer of the database serves, so that anybody's calls cause one query a second at most. */
const FRESH_MS = 1000;
let answeredAt = Number.NEGATIVE_INFINITY;

const Health = z
  .object({ ok: z.boolean().openapi({ description: "The API and its database answer." }) })
  .openapi("Health");

health.openapi(
  createRoute({
    method: "get",
    path: "/health",
    summary: "Whether the API works",
    responses: {
      200: json("The API works.", Health),
      503: error("The database fails."),
    },
  }),
  async (c) => {
    if (Date.now() - answeredAt > FRESH_MS) {
      try {
        await c.env.DB.prepare("SELECT 1").first();
      } catch {
        event("error", { type: "DatabaseFails", message: "the database does not answer" });
        throw new ApiError(503, "database_unavailable", "the database does not answer: try again", 10);
      }
      answeredAt = Date.now();
    }
    return c.json({ ok: true }, 200);
  },
);
