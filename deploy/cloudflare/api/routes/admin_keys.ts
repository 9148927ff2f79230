/** Serves the operator's routes for API keys: make a key, list the keys of a user, revoke a key. */

import { createRoute, z } from "@hono/zod-openapi";
import { newKey } from "../auth.ts";
import { ApiError } from "../errors.ts";
import { event } from "../events.ts";
import { newId } from "../ids.ts";
import { error, json, requiredJson } from "../responses.ts";
import { newRouter } from "../router.ts";
import { plainText, ShownUser, UserName } from "../texts.ts";

export const adminKeys = newRouter();

const Label = z.string().openapi({ description: "What the key is for." });

const Key = z
  .object({
    id: z.string().openapi({ description: "The id of the key, which is a part of it." }),
    label: Label,
    created_at: z.int().openapi({ description: "Milliseconds since 1970." }),
    revoked_at: z
      .int()
      .nullable()
      .openapi({ description: "Milliseconds since 1970; null while the key is valid." }),
  })
  .openapi("Key");

const NewKey = z
  .object({
    id: z.string().openapi({ description: "The id of the key, which is a part of it." }),
    user: ShownUser,
    label: Label,
    key: z.string().openapi({ description: "The key. It is shown this once: only its hash is stored." }),
    created_at: z.int().openapi({ description: "Milliseconds since 1970." }),
  })
  .openapi("NewKey");

adminKeys.openapi(
  createRoute({
    method: "post",
    path: "/admin/keys",
    summary: "Make an API key, and its user if there is none of this name",
    request: {
      body: requiredJson(
        z.strictObject({
          user: UserName,
          label: plainText(100).default("").openapi({ description: "What the key is for." }),
        }),
      ),
    },
    responses: {
      201: json("The key.", NewKey),
      400: error("The body is wrong."),
    },
  }),
  async (c) => {
    const { user: name, label } = c.req.valid("json");
    const { id, key, digest } = await newKey();
    const userId = newId("user");
    const now = Date.now();
    const results = await c.env.DB.batch<{ id: string }>([
      c.env.DB.prepare(
        "INSERT INTO wallets (user_id) SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM users WHERE name = ?2)",
      ).bind(userId, name),
      c.env.DB.prepare(
        `INSERT INTO users (id, name, created_at)
         SELECT ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM users WHERE name = ?2)`,
      ).bind(userId, name, now),
      c.env.DB.prepare(
        `INSERT INTO keys (id, user_id, label, secret_sha256, created_at)
         SELECT ?1, id, ?2, ?3, ?4 FROM users WHERE name = ?5`,
      ).bind(id, label, digest, now, name),
      c.env.DB.prepare("SELECT id FROM users WHERE name = ?").bind(name),
    ]);
    const user = { id: results[3]?.results[0]?.id ?? "", name };
    event("key_made", { key: id, user: user.id });
    return c.json({ id, user, label, key, created_at: now }, 201);
  },
);

adminKeys.openapi(
  createRoute({
    method: "get",
    path: "/admin/keys",
    summary: "List the keys of a user",
    request: { query: z.strictObject({ user: UserName }) },
    responses: {
      200: json(
        "The keys, the newest first.",
        z.object({ keys: z.array(Key).openapi({ description: "The keys of the user, also revoked ones." }) }),
      ),
    },
  }),
  async (c) => {
    const { results } = await c.env.DB.prepare(
      `SELECT keys.id, keys.label, keys.created_at, keys.revoked_at
       FROM keys JOIN users ON users.id = keys.user_id WHERE users.name = ?
       ORDER BY keys.created_at DESC, keys.id`,
    )
      .bind(c.req.valid("query").user)
      .all<z.infer<typeof Key>>();
    return c.json({ keys: results }, 200);
  },
);

adminKeys.openapi(
  createRoute({
    method: "delete",
    path: "/admin/keys/{id}",
    summary: "Revoke a key and end its sessions, at once",
    request: {
      params: z.object({
        id: z
          .string()
          .regex(/^key_[0-9a-f]{32}$/, "not the id of a key")
          .openapi({ description: "The id of the key." }),
      }),
    },
    responses: {
      204: { description: "The key is revoked." },
      404: error("There is no such key."),
    },
  }),
  async (c) => {
    const { id } = c.req.valid("param");
    const [revoked] = await c.env.DB.batch([
      c.env.DB.prepare("UPDATE keys SET revoked_at = COALESCE(revoked_at, ?) WHERE id = ? RETURNING id").bind(
        Date.now(),
        id,
      ),
      c.env.DB.prepare("DELETE FROM sessions WHERE key_id = ?").bind(id),
    ]);
    if (revoked?.results.length !== 1) throw new ApiError(404, "not_found", "there is no such key");
    event("key_revoked", { key: id });
    return c.body(null, 204);
  },
);
