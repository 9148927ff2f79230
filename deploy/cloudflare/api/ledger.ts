/** Defines how the API shows the entries of the ledger. */

import { z } from "@hono/zod-openapi";

export const Entry = z
  .object({
    id: z.int().openapi({ description: "Later entries have larger ids." }),
    kind: z.enum(["topup", "hold", "release", "capture", "refund"]).openapi({
      description:
        "topup: money that was added. hold: money set aside for a job. release: the hold of an ended job, returned. " +
        "capture: what the job cost. refund: what was returned of it.",
    }),
    amount: z
      .int()
      .openapi({ description: "What the entry adds to the balance, in micro-dollars.", example: -1250000 }),
    job_id: z
      .string()
      .nullable()
      .openapi({ description: "The job that the entry belongs to; null for a topup." }),
    note: z.string().openapi({ description: "What the operator noted; empty for the entries of jobs." }),
    created_at: z.int().openapi({ description: "Milliseconds since 1970." }),
  })
  .openapi("Entry");

export type Entry = z.infer<typeof Entry>;

/** The columns of a query that returns rows of the form of Entry. */
export const ENTRY_COLUMNS = "id, kind, amount, job_id, note, created_at";
