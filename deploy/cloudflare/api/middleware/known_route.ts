/** Answers requests for which there is no route: 404, or 405 with the methods that the path has. */

import type { OpenAPIHono } from "@hono/zod-openapi";
import { createMiddleware } from "hono/factory";
import { matchedRoutes } from "hono/route";
import type { AppEnv } from "../context.ts";
import { ApiError } from "../errors.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** The answer to a path that no route has. */
export function noSuchPath(): ApiError {
  return new ApiError(404, "not_found", "there is no such path");
}

/**
 * Returns middleware that lets only requests with a route of `app` through, and keeps the route's pattern.
 *
 * It runs before the check of access, so that a wrong path costs no query of the database.
 */
export function knownRoute(app: OpenAPIHono<AppEnv>) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const route = matchedRoutes(c).find((matched) => matched.method !== "ALL");
    if (route !== undefined) {
      c.set("route", route.path);
      return await next();
    }
    const methods = METHODS.filter((method) =>
      app.router.match(method, c.req.path)[0].some(([[, matched]]) => matched.method !== "ALL"),
    );
    if (methods.length === 0) throw noSuchPath();
    c.header("Allow", [...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"].join(", "));
    if (c.req.method === "OPTIONS") return c.body(null, 204);
    throw new ApiError(405, "method_not_allowed", `this path takes ${methods.join(", ")} only`);
  });
}
