/** Lets a request through to its route only if it may use it. */

import { createMiddleware } from "hono/factory";
import { authenticate, bearerToken, equalInConstantTime, unauthenticated } from "../auth.ts";
import type { AppEnv } from "../context.ts";
import { ApiError } from "../errors.ts";
import { event } from "../events.ts";

/** The shortest ADMIN_TOKEN that is accepted: a shorter one, or none, refuses every admin request. */
const ADMIN_TOKEN_MIN = 32;

/**
 * Checks who may use a route: anybody for the few paths listed here, the operator for /admin, else a user.
 *
 * It runs before every route, so that a new route is closed unless this list opens it.
 */
export const checkAccess = createMiddleware<AppEnv>(async (c, next) => {
  const path = c.req.path;
  const open = ["/health", "/openapi.json", "/session"].includes(path) || path.startsWith("/webhook/");
  if (path.startsWith("/admin/"))
    await countingFailures(c.req.raw, c.env, () => checkAdmin(c.req.raw, c.env));
  else if (!open) {
    const user = await countingFailures(c.req.raw, c.env, () => authenticate(c.req.raw, c.env));
    const { success } = await c.env.USER_LIMIT.limit({ key: user.id });
    if (!success) {
      event("rate_limited", { limit: "user", user: user.id });
      throw tooManyRequests(10);
    }
    c.set("user", user);
  }
  await next();
});

/**
 * Runs an authentication, and counts its failure for the address that the request came from.
 *
 * @throws ApiError 401 as the authentication does, or 429 if too many from this address have failed.
 */
export async function countingFailures<T>(
  request: Request,
  env: AppEnv["Bindings"],
  authentication: () => Promise<T>,
): Promise<T> {
  try {
    return await authentication();
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
    const { success } = await env.FAILED_AUTH_LIMIT.limit({ key: network(request) });
    event("auth_failed", { limited: !success });
    throw success ? error : tooManyRequests(60);
  }
}

async function checkAdmin(request: Request, env: AppEnv["Bindings"]): Promise<void> {
  const token = bearerToken(request.headers.get("Authorization") ?? "") ?? "";
  const expected = env.ADMIN_TOKEN ?? "";
  const equal = await equalInConstantTime(token, expected);
  if (!equal || expected.length < ADMIN_TOKEN_MIN) throw unauthenticated();
}

/** Returns the address of the client, or the /64 network of an IPv6 address: one client has a whole one. */
function network(request: Request): string {
  const address = request.headers.get("CF-Connecting-IP") ?? "unknown";
  return address.includes(":") ? address.split(":").slice(0, 4).join(":") : address;
}

function tooManyRequests(retryAfterS: number): ApiError {
  return new ApiError(429, "too_many_requests", "too many requests: wait and try again", retryAfterS);
}
