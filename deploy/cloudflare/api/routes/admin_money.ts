/** Serves the operator's routes for money: add money, refund a job, prove that the ledger is sound. */

import { createRoute, z } from "@hono/zod-openapi";
import { ApiError } from "../errors.ts";
import { event } from "../events.ts";
import { IdempotencyHeaders } from "../idempotency.ts";
import { ENTRY_COLUMNS, Entry } from "../ledger.ts";
import { checkLedger } from "../ledger_check.ts";
import { error, json, requiredJson } from "../responses.ts";
import { newRouter } from "../router.ts";
import { plainText, UserName } from "../texts.ts";

export const adminMoney = newRouter();

/** The largest amount of one entry: 10,000 dollars. */
const MAX_AMOUNT = 10_000_000_000;

const Amount = z
  .int()
  .min(1)
  .max(MAX_AMOUNT)
  .openapi({ description: "In micro-dollars: 5 dollars are 5000000.", example: 5_000_000 });

const Note = plainText(200).default("").openapi({ description: "Why, for the user to read." });

adminMoney.openapi(
  createRoute({
    method: "post",
    path: "/admin/topups",
    summary: "Add money to a wallet, once for each Idempotency-Key",
    request: {
      headers: IdempotencyHeaders,
      body: requiredJson(z.strictObject({ user: UserName, amount: Amount, note: Note })),
    },
    responses: {
      201: json("The money was added.", Entry),
      200: json("The money had been added by an earlier request with this key.", Entry),
      400: error("The body is wrong."),
      404: error("There is no such user."),
      422: error("An earlier request with this key had another body."),
    },
  }),
  async (c) => {
    const key = c.req.valid("header")["idempotency-key"];
    const { user, amount, note } = c.req.valid("json");
    const [inserted, stored, users] = await c.env.DB.batch<Entry & { user_id: string }>([
      c.env.DB.prepare(
        `INSERT INTO entries (user_id, kind, amount, note, idempotency_key, created_at)
         SELECT id, 'topup', ?, ?, ?, ? FROM users WHERE name = ?
         ON CONFLICT DO NOTHING RETURNING id`,
      ).bind(amount, note, key, Date.now(), user),
      c.env.DB.prepare(
        `SELECT ${ENTRY_COLUMNS}, user_id FROM entries WHERE kind = 'topup' AND idempotency_key = ?`,
      ).bind(key),
      c.env.DB.prepare("SELECT id AS user_id FROM users WHERE name = ?").bind(user),
    ]);
    const userId = users?.results[0]?.user_id;
    if (userId === undefined) throw new ApiError(404, "not_found", "there is no user of this name");
    const row = stored?.results[0];
    if (row === undefined || row.user_id !== userId || row.amount !== amount || row.note !== note) {
      throw new ApiError(
        422,
        "idempotency_key_reused",
        "this Idempotency-Key belongs to an earlier request with another body",
      );
    }
    const { user_id: _, ...found } = row;
    if (inserted?.results.length !== 1) return c.json(found, 200);
    event("top_up", { user: userId, entry: found.id, amount });
    return c.json(found, 201);
  },
);

adminMoney.openapi(
  createRoute({
    method: "post",
    path: "/admin/refunds",
    summary: "Return what a job has cost, or a part of it, once a job",
    request: {
      body: requiredJson(
        z.strictObject({
          job: z
            .string()
            .regex(/^job_[0-9a-f]{32}$/, "is not the id of a job")
            .openapi({ description: "The id of the job." }),
          amount: Amount,
          note: Note,
        }),
      ),
    },
    responses: {
      201: json("The money was returned.", Entry),
      200: json("The same refund had been made before.", Entry),
      400: error("The body is wrong."),
      404: error("There is no such job."),
      409: error("The job has not ended, or another refund was made for it."),
      422: error("The job has cost less."),
    },
  }),
  async (c) => {
    const { job, amount, note } = c.req.valid("json");
    const results = await refund(c.env.DB, job, amount, note);
    const [inserted, stored] = results;
    const found = stored?.results[0];
    if (found === undefined) throw new ApiError(404, "not_found", "there is no such job");
    if (found.amount !== amount || found.note !== note) {
      throw new ApiError(
        409,
        "already_refunded",
        "another refund was made for this job; a job has one at most",
      );
    }
    if (inserted?.results.length !== 1) return c.json(found, 200);
    event("refund", { job, entry: found.id, amount });
    return c.json(found, 201);
  },
);

async function refund(db: D1Database, job: string, amount: number, note: string): Promise<D1Result<Entry>[]> {
  try {
    return await db.batch<Entry>([
      db
        .prepare(
          `INSERT INTO entries (user_id, kind, amount, job_id, note, created_at)
           SELECT user_id, 'refund', ?, id, ?, ? FROM jobs WHERE id = ?
           ON CONFLICT DO NOTHING RETURNING id`,
        )
        .bind(amount, note, Date.now(), job),
      db.prepare(`SELECT ${ENTRY_COLUMNS} FROM entries WHERE kind = 'refund' AND job_id = ?`).bind(job),
    ]);
  } catch (error) {
    if (!String(error).includes("a refund returns at most what was captured")) throw error;
    const found = await db
      .prepare("SELECT ended_at FROM jobs WHERE id = ?")
      .bind(job)
      .first<{ ended_at: number | null }>();
    if (found?.ended_at === null) throw new ApiError(409, "job_not_ended", "the job has not ended yet");
    throw new ApiError(422, "refund_too_large", "a refund returns at most what the job has cost");
  }
}

adminMoney.openapi(
  createRoute({
    method: "get",
    path: "/admin/ledger/check",
    summary: "Prove that wallets, entries and jobs agree",
    responses: {
      200: json(
        "What was checked, and what is wrong.",
        z.object({
          ok: z.boolean().openapi({ description: "Whether there is no problem." }),
          wallets: z.int().openapi({ description: "How many wallets were checked." }),
          entries: z.int().openapi({ description: "How many entries were checked." }),
          jobs: z.int().openapi({ description: "How many jobs were checked." }),
          problems: z
            .array(
              z.object({
                problem: z.string().openapi({ description: "What is wrong." }),
                subject: z.string().openapi({ description: "The id of the user, job or entry." }),
              }),
            )
            .openapi({ description: "What is wrong; empty if all agrees." }),
        }),
      ),
    },
  }),
  async (c) => {
    const check = await checkLedger(c.env.DB);
    return c.json({ ok: check.problems.length === 0, ...check }, 200);
  },
);
