/** Divides lists that begin with the newest row into pages. */

import { z } from "@hono/zod-openapi";

/** How many rows a page has at most. */
const PAGE_ROWS = 20;

/** How many rows a query asks for: one more than a page has tells whether another page follows. */
export const QUERY_ROWS = PAGE_ROWS + 1;

/** The field of an answer that leads to its next page. */
export const Next = z
  .string()
  .nullable()
  .openapi({ description: "The value of `cursor` for the next page; null after the last." });

/** Returns the query parameter `cursor` for rows whose ids begin with a prefix: the time and the id of a row. */
export function cursor(prefix: "job" | "up") {
  return z
    .string()
    .regex(new RegExp(`^\\d{1,15}\\.${prefix}_[0-9a-f]{32}$`), "this is not a cursor of this list")
    .optional()
    .openapi({ description: "`next` of the page before." });
}

/** Returns the time and the id that the rows of a page come after; without a cursor every row does. */
export function startOfPage(cursor: string | undefined): [createdAt: number, id: string] {
  const [time, id] = cursor?.split(".") ?? [];
  return [Number(time ?? Number.MAX_SAFE_INTEGER), id ?? ""];
}

/** Returns the rows of a page and the cursor of the next one, from up to QUERY_ROWS rows. */
export function pageOf<T extends { created_at: number; id: string }>(
  rows: readonly T[],
): { page: T[]; next: string | null } {
  const page = rows.slice(0, PAGE_ROWS);
  const last = page.at(-1);
  return { page, next: rows.length > PAGE_ROWS && last ? `${last.created_at}.${last.id}` : null };
}
