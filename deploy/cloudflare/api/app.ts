/** Builds the application: what happens to every request, and which routes there are. */

import { OpenAPIHono } from "@hono/zod-openapi";
import type { AppEnv } from "./context.ts";
import { ApiError } from "./errors.ts";
import { health } from "./routes/health.ts";

export const app = new OpenAPIHono<AppEnv>();

app.onError((error, c) => {
  if (!(error instanceof ApiError)) {
    return c.json(
      { error: { code: "internal", message: "an unexpected error: a bug in Framewright", retryable: true } },
      500,
    );
  }
  if (error.retryAfterS !== undefined) c.header("Retry-After", String(error.retryAfterS));
  return c.json(error.body, error.status);
});

app.route("/", health);
