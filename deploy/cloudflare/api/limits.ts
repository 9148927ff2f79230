/** Limits how often a user may call, and how often an address may fail to authenticate. */

import type { User } from "./context.ts";
import { ApiError } from "./errors.ts";
import { event } from "./events.ts";
import type { Env } from "./settings.ts";

// The periods of the limits in wrangler.jsonc.
const USER_PERIOD_S = 10;
const FAILED_AUTH_PERIOD_S = 60;

/**
 * Counts a request of a user.
 *
 * Looks at jobs have a limit of their own, far above the other: many pages of one user may each follow a job.
 *
 * @param route the pattern of the request's route.
 * @throws ApiError 429 if the user has made too many.
 */
export async function limitUser(user: User, env: Env, route: string): Promise<void> {
  const limit = route === "/status/:id" ? env.STATUS_LIMIT : env.USER_LIMIT;
  const { success } = await limit.limit({ key: user.id });
  if (success) return;
  event("rate_limited", { user: user.id });
  throw tooManyRequests(USER_PERIOD_S);
}

/**
 * Runs an authentication, and counts its failure for the address that the request came from.
 *
 * A request with a valid key passes in any case: many users may share an address.
 *
 * @throws ApiError 401 as the authentication does, or 429 if too many from this address have failed.
 */
export async function countFailures<T>(
  request: Request,
  env: Env,
  authentication: () => Promise<T>,
): Promise<T> {
  try {
    return await authentication();
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
    const { success } = await env.FAILED_AUTH_LIMIT.limit({ key: network(request) });
    event("auth_failed", { limited: !success });
    throw success ? error : tooManyRequests(FAILED_AUTH_PERIOD_S);
  }
}

/** Returns the address of the client, or the first 64 bits of an IPv6 address: one client has a whole /64 network. */
function network(request: Request): string {
  const address = request.headers.get("CF-Connecting-IP") ?? "unknown";
  if (!address.includes(":")) return address;
  const [start, end] = address.split("::").map((half) => half.split(":").filter((group) => group !== ""));
  const known = (start?.length ?? 0) + (end?.length ?? 0);
  const zeros = Array.from({ length: Math.max(0, 8 - known) }, () => "0");
  return [...(start ?? []), ...zeros, ...(end ?? [])].slice(0, 4).join(":");
}

function tooManyRequests(retryAfterS: number): ApiError {
  return new ApiError(429, "too_many_requests", "too many requests: wait and try again", retryAfterS);
}
