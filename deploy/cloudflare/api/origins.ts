/** Decides which web pages may call the API. */

import { ApiError } from "./errors.ts";
import type { Env } from "./settings.ts";

/** Returns the origin of the page that sent a request, if ALLOWED_ORIGINS names it exactly; else null. */
export function listedOrigin(request: Request, env: Env): string | null {
  const origin = request.headers.get("Origin");
  const listed = env.ALLOWED_ORIGINS.split(" ").filter((entry) => entry !== "" && entry !== "null");
  return origin !== null && listed.includes(origin) ? origin : null;
}

/** Tells whether a request names its origin, and that is the API's own or a listed one. */
export function isAllowedOrigin(request: Request, env: Env): boolean {
  const origin = request.headers.get("Origin");
  return origin === new URL(request.url).origin || listedOrigin(request, env) !== null;
}

/** The answer to a page that may not act for the user whose cookie the browser sent. */
export function foreignOrigin(): ApiError {
  return new ApiError(
    403,
    "foreign_origin",
    "a request by cookie that changes something needs an Origin header that is allowed",
  );
}
