/**
 * Finds out which user a request acts for: by an API key in the Authorization header, or by a session cookie.
 *
 * `authenticate` is the one place that knows how users prove who they are. To connect the accounts of an
 * existing product, replace its body.
 */

import type { User } from "./context.ts";
import { equalInConstantTime, hex, sha256 } from "./digests.ts";
import { ApiError } from "./errors.ts";
import { newId } from "./ids.ts";
import { foreignOrigin, isAllowedOrigin } from "./origins.ts";
import type { Env } from "./settings.ts";

/** `fw_live_`, the id of the key (public), `_`, and 256 random bits; both in lower-case hex. */
const KEY = /^fw_live_([0-9a-f]{32})_[0-9a-f]{64}$/;
const BEARER = /^Bearer +([\x21-\x7e]+)$/i;
const SESSION_TOKEN = /^[0-9a-f]{64}$/;
/** The digest that a key is compared with if the database holds none: no key has it. */
const NO_DIGEST = "0".repeat(64);

/** A key that was checked, and whose it is. */
interface KnownKey {
  id: string;
  user: User;
}

/** Makes a new API key: its id in the database, the text that the user gets once, and the digest that is stored. */
export async function newKey(): Promise<{ id: string; key: string; digest: string }> {
  const id = newId("key");
  const key = `fw_live_${id.slice("key_".length)}_${randomHex()}`;
  return { id, key, digest: await sha256(key) };
}

/** Returns 256 random bits in hex. */
export function randomHex(): string {
  return hex(crypto.getRandomValues(new Uint8Array(32)));
}

/** The one answer to every failed authentication, so that it does not tell which keys or users exist. */
export function unauthenticated(): ApiError {
  return new ApiError(
    401,
    "unauthenticated",
    "the request needs a valid API key (Authorization: Bearer fw_live_...) or the cookie of a session; " +
      "under /admin it needs the operator's token",
  );
}

/**
 * Returns the user that a request acts for, after one query of the database.
 *
 * @throws ApiError 401 if the request carries no valid key and no valid session.
 * @throws ApiError 403 if a request that changes something comes by cookie from a page of a foreign origin.
 */
export async function authenticate(request: Request, env: Env): Promise<User> {
  const authorization = request.headers.get("Authorization");
  if (authorization !== null) return (await checkKey(bearerToken(authorization), env)).user;
  const token = sessionToken(request);
  const user = token === null ? null : await userOfSession(token, env);
  if (user === null) throw unauthenticated();
  if (!["GET", "HEAD"].includes(request.method) && !isAllowedOrigin(request, env)) {
    throw foreignOrigin();
  }
  return user;
}

/** Returns the token of an `Authorization: Bearer` header, or null if the header is of another form. */
export function bearerToken(authorization: string): string | null {
  return BEARER.exec(authorization)?.[1] ?? null;
}

/**
 * Checks an API key, after at most one query of the database.
 *
 * @throws ApiError 401 if it is malformed, unknown or revoked.
 */
export async function checkKey(key: string | null | undefined, env: Env): Promise<KnownKey> {
  const hexId = KEY.exec(key ?? "")?.[1];
  if (!key || hexId === undefined) throw unauthenticated();
  const row = await env.DB.prepare(
    `SELECT keys.id AS key_id, keys.secret_sha256, users.id, users.name
     FROM keys JOIN users ON users.id = keys.user_id WHERE keys.id = ? AND keys.revoked_at IS NULL`,
  )
    .bind(`key_${hexId}`)
    .first<{ key_id: string; secret_sha256: string; id: string; name: string }>();
  const matches = await equalInConstantTime(await sha256(key), row?.secret_sha256 ?? NO_DIGEST);
  if (row === null || !matches) throw unauthenticated();
  return { id: row.key_id, user: { id: row.id, name: row.name } };
}

/** The name of the session cookie. Over https its prefix lets browsers refuse one that another host has set. */
export function cookieName(request: Request): string {
  return new URL(request.url).protocol === "https:" ? "__Host-framewright" : "framewright";
}

/** Returns the token in the session cookie, or null if there is none, a malformed one, or more than one. */
export function sessionToken(request: Request): string | null {
  const name = `${cookieName(request)}=`;
  const cookies = (request.headers.get("Cookie") ?? "").split(/[;,]/).map((cookie) => cookie.trim());
  const [cookie, ...others] = cookies.filter((cookie) => cookie.startsWith(name));
  const token = cookie?.slice(name.length);
  return token !== undefined && others.length === 0 && SESSION_TOKEN.test(token) ? token : null;
}

async function userOfSession(token: string, env: Env): Promise<User | null> {
  return await env.DB.prepare(
    `SELECT users.id, users.name FROM sessions
     JOIN keys ON keys.id = sessions.key_id JOIN users ON users.id = keys.user_id
     WHERE sessions.token_sha256 = ? AND sessions.expires_at > ? AND keys.revoked_at IS NULL`,
  )
    .bind(await sha256(token), Date.now())
    .first<User>();
}
