/** Makes the routers to which the modules in routes/ add their routes. */

import type { z } from "@hono/zod-openapi";
import { OpenAPIHono } from "@hono/zod-openapi";
import type { AppEnv } from "./context.ts";
import { badRequest } from "./errors.ts";
import { setOwnMessages } from "./messages.ts";

setOwnMessages();

/**
 * Returns a router whose routes answer an invalid request with our error, which names the first wrong field.
 *
 * Every module in routes/ uses it: a router made by `new OpenAPIHono()` would answer in another shape.
 */
export function newRouter(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (!result.success) throw badRequest(firstIssue(result.error, result.target));
    },
  });
}

function firstIssue(error: z.ZodError, target: string): string {
  const issue = error.issues[0];
  if (issue === undefined) return `the request's ${target} is invalid`;
  const path = [...issue.path];
  if (issue.code === "unrecognized_keys") {
    return `${[...path, issue.keys[0]].map(String).join(".").slice(0, 200)}: there is no such field`;
  }
  const field = path.length === 0 ? (target === "json" ? "the body" : target) : path.map(String).join(".");
  return `${field.slice(0, 200)}: ${issue.message}`;
}
