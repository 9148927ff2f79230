/** Serves GET /wallet: the balance, and the entries whose sum it is. */

import { createRoute, z } from "@hono/zod-openapi";
import { ENTRY_COLUMNS, Entry } from "../ledger.ts";
import { Next } from "../pages.ts";
import { error, json } from "../responses.ts";
import { newRouter } from "../router.ts";

export const wallet = newRouter();

const Wallet = z
  .object({
    balance: z.int().openapi({ description: "What can be spent, in micro-dollars: the sum of all entries." }),
    held: z
      .int()
      .openapi({ description: "What is set aside for jobs that have not ended, in micro-dollars." }),
    entries: z.array(Entry).openapi({ description: "The newest first." }),
    next: Next,
  })
  .openapi("Wallet");

interface Totals {
  balance: number;
  held: number;
}

const Page = z.strictObject({
  cursor: z
    .string()
    .regex(/^[1-9][0-9]{0,14}$/, "this is not a cursor of this list")
    .optional()
    .openapi({ description: "`next` of the page before." }),
  limit: z
    .string()
    .regex(/^([1-9][0-9]?|1[0-9]{2}|200)$/, "a number from 1 to 200")
    .default("50")
    .openapi({ description: "How many entries to return, 1 to 200." }),
});

wallet.openapi(
  createRoute({
    method: "get",
    path: "/wallet",
    summary: "The balance and the entries of the wallet",
    request: { query: Page },
    responses: {
      200: json("The wallet.", Wallet),
      400: error("The query is wrong."),
    },
  }),
  async (c) => {
    const { cursor, limit } = c.req.valid("query");
    const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor);
    const [totals, page] = await c.env.DB.batch<Partial<Entry & Totals>>([
      c.env.DB.prepare("SELECT balance, held FROM wallets WHERE user_id = ?").bind(c.var.user.id),
      c.env.DB.prepare(
        `SELECT ${ENTRY_COLUMNS} FROM entries WHERE user_id = ? AND id < ? ORDER BY id DESC LIMIT ?`,
      ).bind(c.var.user.id, before, Number(limit) + 1),
    ]);
    const { balance, held } = (totals?.results[0] ?? { balance: 0, held: 0 }) as Totals;
    const found = (page?.results ?? []) as Entry[];
    const entries = found.slice(0, Number(limit));
    const next = found.length > entries.length ? String(entries.at(-1)?.id) : null;
    return c.json({ balance, held, entries, next }, 200);
  },
);
