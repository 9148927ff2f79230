/** Serves POST /quote, which says what a job costs before it starts. */

import { createRoute, z } from "@hono/zod-openapi";
import { event } from "../events.ts";
import { withoutReused } from "../film/reused.ts";
import { newId } from "../ids.ts";
import { inputOf, JOB_FIELDS, jobOf } from "../job_request.ts";
import { Terms, termsFor } from "../quote.ts";
import { error, json, requiredJson } from "../responses.ts";
import { newRouter } from "../router.ts";

/**
 * How long a quote binds, in minutes. That is long enough to read it and to finish an upload that has begun, and
 * short enough that a change of prices takes effect soon.
 */
const LIFETIME_MIN = 15;

export const quotes = newRouter();

const QuoteRequest = z.strictObject(JOB_FIELDS).openapi("QuoteRequest");

const Quote = Terms.extend({
  id: z.string().openapi({ description: "The quote's id, for POST /debit." }),
  expires_at: z.int().openapi({ description: "Until when the quote binds, in milliseconds since 1970." }),
  upload_id: z.string().openapi({ description: "The upload that is the input." }),
}).openapi("Quote");

quotes.openapi(
  createRoute({
    method: "post",
    path: "/quote",
    summary: "Ask what a job costs",
    description:
      `The quote binds for ${LIFETIME_MIN} minutes: a job that POST /debit starts with it costs at most its \`hold\`. ` +
      "The upload need not be complete yet. docs/billing.md explains every number.",
    request: { body: requiredJson(QuoteRequest) },
    responses: {
      201: json("The quote.", Quote),
      400: error("The worker would refuse the job: a field is wrong, or the job is larger than the limits."),
      404: error("There is no such upload of this user."),
    },
  }),
  async (c) => {
    const request = c.req.valid("json");
    const job = jobOf(c.env, request);
    const userId = c.var.user.id;
    const upload = await inputOf(c.env, userId, request);
    const terms = await withoutReused(
      c.env,
      { ...job, upload },
      termsFor(c.env, { ...job, source: request.source, bytes: upload.bytes, preview: request.preview }),
    );
    const id = newId("quote");
    const now = Date.now();
    const expires_at = now + LIFETIME_MIN * 60_000;
    await c.env.DB.prepare(
      `INSERT INTO quotes (id, user_id, upload_id, task, params, terms, created_at, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    )
      .bind(
        ...[id, userId, upload.id, job.task, JSON.stringify(job.params), JSON.stringify(terms)],
        ...[now, expires_at],
      )
      .run();
    event("quote_made", { task: job.task, gpu: terms.gpu, expected: terms.expected, hold: terms.hold });
    return c.json({ id, expires_at, upload_id: upload.id, ...terms }, 201);
  },
);
