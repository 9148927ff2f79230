/** Turns whatever a route throws into an answer. */

import type { ErrorHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import type { AppEnv } from "../context.ts";
import { ApiError } from "../errors.ts";
import { event, redacted } from "../events.ts";

/** Answers an error in the shape of ErrorBody. An unexpected one is logged, and the client learns nothing of it. */
export const answerError: ErrorHandler<AppEnv> = (error, c) => {
  const known = knownError(error);
  if (known === null) {
    event("error", { type: error.name, message: redacted(error.message) });
    return c.json(
      { error: { code: "internal", message: "an unexpected error: a bug in Framewright", retryable: true } },
      500,
    );
  }
  if (known.status === 401) c.header("WWW-Authenticate", 'Bearer realm="framewright"');
  if (known.retryAfterS !== undefined) c.header("Retry-After", String(known.retryAfterS));
  return c.json(known.body, known.status);
};

function knownError(error: Error): ApiError | null {
  if (error instanceof ApiError) return error;
  // Hono's validator throws this for a body that it cannot read.
  if (error instanceof HTTPException && error.status < 500) {
    return new ApiError(error.status, "bad_request", "the body is empty or not JSON");
  }
  return null;
}
