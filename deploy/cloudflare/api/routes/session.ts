/** Serves POST and DELETE /session, which exchange an API key for a cookie: a web page need not keep the key. */

import { createRoute, z } from "@hono/zod-openapi";
import { bearerToken, checkKey, cookieName, randomHex, sessionToken } from "../auth.ts";
import { sha256 } from "../digests.ts";
import { event } from "../events.ts";
import { countFailures, limitUser } from "../limits.ts";
import { foreignOrigin, isAllowedOrigin } from "../origins.ts";
import { error, json } from "../responses.ts";
import { newRouter } from "../router.ts";
import { ShownUser } from "../texts.ts";

export const session = newRouter();

const SESSION_S = 12 * 3600;
/** How many sessions a key has at most; a further one ends the oldest. */
const SESSIONS_OF_KEY = 20;

const Session = z
  .object({
    user: ShownUser,
    expires_at: z.int().openapi({ description: "When the cookie ends, in milliseconds since 1970." }),
  })
  .openapi("Session");

session.openapi(
  createRoute({
    method: "post",
    path: "/session",
    summary: "Log in with an API key",
    description: `The cookie is HttpOnly and SameSite=Strict, lasts ${SESSION_S / 3600} hours, and ends when its key is revoked.`,
    request: {
      body: json(
        "The key; it may stand in the Authorization header instead.",
        z.strictObject({ key: z.string().max(200).openapi({ description: "The API key." }) }),
      ),
    },
    responses: {
      201: json("The cookie is set.", Session),
      401: error("The key is not valid."),
      403: error("The origin of the page is not allowed."),
    },
  }),
  async (c) => {
    // A page of another origin must not log its visitor in under a key of its own.
    const comesFromPage = c.req.header("Origin") !== undefined;
    if (comesFromPage && !isAllowedOrigin(c.req.raw, c.env)) throw foreignOrigin();
    const authorization = c.req.header("Authorization");
    const body: { key?: string } = c.req.valid("json");
    const text = authorization === undefined ? body.key : bearerToken(authorization);
    const key = await countFailures(c.req.raw, c.env, () => checkKey(text, c.env));
    await limitUser(key.user, c.env, c.var.route);

    const token = randomHex();
    const expiresAt = Date.now() + SESSION_S * 1000;
    await c.env.DB.batch([
      c.env.DB.prepare(
        `DELETE FROM sessions WHERE token_sha256 IN (
           SELECT token_sha256 FROM sessions WHERE key_id = ? ORDER BY expires_at DESC LIMIT -1 OFFSET ?
         )`,
      ).bind(key.id, SESSIONS_OF_KEY - 1),
      c.env.DB.prepare("INSERT INTO sessions (token_sha256, key_id, expires_at) VALUES (?, ?, ?)").bind(
        await sha256(token),
        key.id,
        expiresAt,
      ),
    ]);
    event("session_opened", { user: key.user.id, key: key.id });
    c.header("Set-Cookie", cookie(c.req.raw, token, SESSION_S));
    return c.json({ user: key.user, expires_at: expiresAt }, 201);
  },
);

session.openapi(
  createRoute({
    method: "delete",
    path: "/session",
    summary: "Log out",
    responses: {
      204: { description: "The session has ended, or there was none." },
      403: error("The origin of the page is not allowed."),
    },
  }),
  async (c) => {
    const token = sessionToken(c.req.raw);
    if (token !== null) {
      if (!isAllowedOrigin(c.req.raw, c.env)) throw foreignOrigin();
      await c.env.DB.prepare("DELETE FROM sessions WHERE token_sha256 = ?")
        .bind(await sha256(token))
        .run();
      event("session_closed", {});
    }
    c.header("Set-Cookie", cookie(c.req.raw, "", 0));
    return c.body(null, 204);
  },
);

function cookie(request: Request, token: string, lifetimeS: number): string {
  const secure = new URL(request.url).protocol === "https:" ? "; Secure" : "";
  return `${cookieName(request)}=${token}; Path=/; Max-Age=${lifetimeS}; HttpOnly; SameSite=Strict${secure}`;
}
