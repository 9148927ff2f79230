/** Logs each request, and adds the headers that protect the answers and that browsers need for CORS. */

import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../context.ts";
import { event } from "../events.ts";
import { listedOrigin } from "../origins.ts";

/** Writes one `request` event a request. It names the pattern of the route, never the address. */
export const logRequest = createMiddleware<AppEnv>(async (c, next) => {
  const start = Date.now();
  await next();
  event("request", {
    method: c.req.method,
    route: c.var.route ?? "none",
    status: c.res.status,
    ms: Date.now() - start,
    user: c.var.user?.id ?? null,
  });
});

/** Adds the headers of every answer, and answers CORS preflights. */
export const addHeaders = createMiddleware<AppEnv>(async (c, next) => {
  if (c.req.method === "OPTIONS" && c.req.header("Access-Control-Request-Method") !== undefined) {
    c.set("route", "preflight");
    c.res = preflight(c);
  } else await next();

  c.header("Vary", "Origin");
  const origin = listedOrigin(c.req.raw, c.env);
  if (origin !== null) {
    c.header("Access-Control-Allow-Origin", origin);
    c.header("Access-Control-Allow-Credentials", "true");
    c.header("Access-Control-Expose-Headers", "Retry-After");
  }
  c.header("Cache-Control", "no-store");
  c.header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  c.header("Cross-Origin-Resource-Policy", "same-origin");
  c.header("Referrer-Policy", "no-referrer");
  c.header("X-Content-Type-Options", "nosniff");
  if (new URL(c.req.url).protocol === "https:") c.header("Strict-Transport-Security", "max-age=31536000");
});

/** Answers a preflight; a page of an origin that is not listed learns nothing that would let it go on. */
function preflight(c: Context<AppEnv>): Response {
  if (listedOrigin(c.req.raw, c.env) === null) return new Response(null, { status: 204 });
  return new Response(null, {
    status: 204,
    headers: {
      "Access-Control-Allow-Methods": "GET, POST, DELETE",
      "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key",
      "Access-Control-Max-Age": "600",
    },
  });
}
