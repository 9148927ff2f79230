/** Lets a request through to its route only if it may use it. */

import { createMiddleware } from "hono/factory";
import { authenticate, bearerToken, unauthenticated } from "../auth.ts";
import type { AppEnv } from "../context.ts";
import { equalInConstantTime } from "../digests.ts";
import { countFailures, limitUser } from "../limits.ts";
import type { Env } from "../settings.ts";

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
  if (path.startsWith("/admin/")) {
    await countFailures(c.req.raw, c.env, () => checkAdmin(c.req.raw, c.env));
  } else if (!open) {
    const user = await countFailures(c.req.raw, c.env, () => authenticate(c.req.raw, c.env));
    await limitUser(user, c.env, c.var.route);
    c.set("user", user);
  }
  await next();
});

async function checkAdmin(request: Request, env: Env): Promise<void> {
  const token = bearerToken(request.headers.get("Authorization") ?? "") ?? "";
  const expected = env.ADMIN_TOKEN ?? "";
  const equal = await equalInConstantTime(token, expected);
  if (!equal || expected.length < ADMIN_TOKEN_MIN) throw unauthenticated();
}
