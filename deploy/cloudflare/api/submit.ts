/** Starts a job: checks the request, holds the money, and asks RunPod to run the job. */

import { z } from "@hono/zod-openapi";
import { canonical } from "./canonical_json.ts";
import { sha256 } from "./digests.ts";
import { ApiError, badRequest } from "./errors.ts";
import { event } from "./events.ts";
import type { FilmTerms } from "./film/film_price.ts";
import { startInstance } from "./film/instance.ts";
import { withoutReused } from "./film/reused.ts";
import { planRequest } from "./film/step_job.ts";
import { newId } from "./ids.ts";
import { inputQuery, JOB_FIELDS, jobOf } from "./job_request.ts";
import { type JobRow, jobById, SELECT_JOB, selectJob } from "./jobs.ts";
import { REFUSED } from "./outcome.ts";
import { type Terms, termsFor } from "./quote.ts";
import { cancel, run } from "./runpod.ts";
import type { Env } from "./settings.ts";
import { settle } from "./settle.ts";
import { keptUntil, noSuchUpload, requireVideo, type Upload } from "./uploads.ts";
import { webhookUrl } from "./webhook_mac.ts";
import { outputKeyOf, signTracks, workerInput } from "./worker_input.ts";

/** The longest ttl that RunPod accepts: 7 days (docs/cloud-stand-ins.md). */
const MAX_TTL_MS = 7 * 86_400_000;

/** How long the jobs of a film may wait, or all of it stand still, before it is given up, in milliseconds: three days. */
const FILM_QUEUE_MS = 3 * 86_400_000;

/** The body of POST /debit: a quote, or what a quote would name. */
export const Debit = z
  .strictObject({
    ...JOB_FIELDS,
    task: JOB_FIELDS.task.optional(),
    quote_id: z
      .string()
      .max(100)
      .optional()
      .openapi({ description: "A quote, which names the task, its params and its input." }),
  })
  .openapi("Debit");
export type Debit = z.infer<typeof Debit>;

/**
 * Holds the money for a job and asks RunPod to run it.
 *
 * Takes four round trips to D1, of which one is the caller's `authenticate`, and one to RunPod. A film that comes
 * without a quote takes one more to D1.
 *
 * @param idempotencyKey the same key with the same body returns the same job, however often the request is sent.
 * @param waitUntil keeps the Worker alive if the caller hangs up in the middle.
 * @returns the job, and whether this request created it.
 * @throws ApiError 402 not enough money; 404, 409, 410 an upload or quote that cannot be used; 422 the key belongs
 *   to another body; 503 RunPod takes no jobs now.
 */
export async function debit(
  env: Env,
  userId: string,
  body: Debit,
  idempotencyKey: string,
  waitUntil: (work: Promise<unknown>) => void,
): Promise<{ row: JobRow; isNew: boolean }> {
  const bodyHash = await sha256(canonical(body));
  const direct = body.quote_id === undefined ? jobOf(env, body) : null;
  const [earlier, input] = await env.DB.batch<unknown>([
    selectJobOfKey(env, userId, idempotencyKey),
    direct === null ? quoteQuery(env, userId, body) : inputQuery(env, userId, body),
  ]);
  const existing = earlier?.results[0] as JobRow | undefined;
  if (existing !== undefined) return { row: requireSameBody(existing, bodyHash), isNew: false };

  const found = input?.results[0] as (Upload & Partial<QuoteRow>) | undefined;
  const order = direct === null ? orderOfQuote(found) : { ...direct, terms: null };
  const upload = requireComplete(found);
  const terms =
    order.terms ??
    (await withoutReused(
      env,
      { ...order, upload },
      termsFor(env, { ...order, source: body.source, bytes: upload.bytes, preview: body.preview }),
    ));
  const work = submit(env, userId, { ...order, terms, upload, idempotencyKey, bodyHash });
  waitUntil(work.catch(() => undefined));
  return work;
}

interface QuoteRow {
  task: JobRow["task"];
  params: string;
  terms: string;
  expires_at: number;
}

function quoteQuery(env: Env, userId: string, body: Debit): D1PreparedStatement {
  if (Object.keys(body).length > 1) {
    throw badRequest("quote_id: leave all other fields out, because the quote names the job and its input");
  }
  return env.DB.prepare(
    `SELECT quotes.task, quotes.params, quotes.terms, quotes.expires_at, uploads.* FROM quotes
     JOIN uploads ON uploads.id = quotes.upload_id WHERE quotes.id = ? AND quotes.user_id = ?`,
  ).bind(body.quote_id, userId);
}

/** Returns the job that a quote names, with its terms. */
function orderOfQuote(
  found: Partial<QuoteRow> | undefined,
): Pick<JobRow, "task"> & { params: object; terms: Terms } {
  if (found?.terms === undefined || found.task === undefined || found.params === undefined) {
    throw new ApiError(404, "quote_not_found", "there is no such quote; ask POST /quote for one");
  }
  if ((found.expires_at ?? 0) < Date.now()) {
    throw new ApiError(410, "quote_expired", "the quote has expired; ask POST /quote for a new one");
  }
  return { task: found.task, params: JSON.parse(found.params), terms: JSON.parse(found.terms) };
}

/** Returns the upload if a job can use it. */
function requireComplete(upload: Upload | undefined): Upload {
  if (upload === undefined || upload.state === "deleted" || keptUntil(upload) < Date.now())
    throw noSuchUpload();
  if (upload.state !== "complete" || upload.completed_at === null) {
    throw new ApiError(
      409,
      "upload_incomplete",
      `complete the upload first: POST /uploads/${upload.id}/complete`,
    );
  }
  requireVideo(upload);
  return upload;
}

interface Order {
  task: JobRow["task"];
  params: object;
  terms: Terms;
  upload: Upload;
  idempotencyKey: string;
  bodyHash: string;
}

async function submit(env: Env, userId: string, order: Order): Promise<{ row: JobRow; isNew: boolean }> {
  const { terms, upload } = order;
  const id = newId("job");
  const outputKey = outputKeyOf(userId, id, order);
  const timeoutMs = terms.execution_timeout_s * 1000;
  const isFilm = terms.film != null;
  const queueMs = isFilm ? FILM_QUEUE_MS : Number(env.QUEUE_LIMIT_S) * 1000;
  const ttlMs = Math.min(timeoutMs + queueMs, MAX_TTL_MS);
  const input = isFilm ? {} : await workerInput(env, userId, outputKey, order, Math.ceil(ttlMs / 1000));
  // The steps of a film get theirs later; tracks of another user are refused now.
  if (isFilm) await signTracks(env, userId, order.params, 1);
  const now = Date.now();
  try {
    await env.DB.batch([
      env.DB.prepare(
        `INSERT INTO jobs (id, user_id, idempotency_key, body_sha256, upload_id, task, params, terms, hold, ttl_ms,
           output_key, is_film, state, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ).bind(
        ...[id, userId, order.idempotencyKey, order.bodyHash, upload.id, order.task],
        ...[JSON.stringify(order.params), JSON.stringify(terms), terms.hold, ttlMs, outputKey],
        ...[Number(isFilm), isFilm ? "queued" : "submitting", now],
      ),
      env.DB.prepare(
        "INSERT INTO entries (user_id, kind, amount, job_id, note, created_at) VALUES (?, 'hold', ?, ?, ?, ?)",
      ).bind(userId, -terms.hold, id, order.task, now),
      ...(terms.film == null ? [] : filmStatements(env, id, order, terms.film)),
    ]);
  } catch (error) {
    return afterRefusal(env, userId, order, error);
  }
  event("job_created", { job: id, task: order.task, hold: terms.hold });
  if (isFilm) {
    await startInstance(env, { job_id: id, instances: 1 });
    return { row: insertedRow(await jobById(env, id), id), isNew: true };
  }
  const submission = await run(env, {
    input,
    webhook: await webhookUrl(env, id),
    policy: { executionTimeout: timeoutMs, ttl: ttlMs },
  });
  switch (submission.outcome) {
    case "accepted":
      return { row: await recordAcceptance(env, id, submission.id), isNew: true };
    case "unknown":
      return { row: insertedRow(await jobById(env, id), id), isNew: true };
    case "refused":
      await settle(env, insertedRow(await jobById(env, id), id), REFUSED, null);
      event("job_refused", { job: id, status: submission.status });
      throw new ApiError(
        503,
        "no_worker_available",
        "the workers take no more jobs now, and nothing was charged; send the same request again in a while",
        submission.retryAfterS,
      );
  }
}

/** Returns the statements that insert a film with its first step, the plan. */
function filmStatements(env: Env, id: string, order: Order, film: FilmTerms): D1PreparedStatement[] {
  const request = canonical(planRequest(env, order, film.work_sec));
  return [
    env.DB.prepare("INSERT INTO films (job_id, upload_id, request, is_preview) VALUES (?, ?, ?, ?)").bind(
      ...[id, order.upload.id, request, Number(film.is_preview)],
    ),
    env.DB.prepare(
      "INSERT INTO film_steps (job_id, kind, number, state, upload_id) VALUES (?, 'plan', 0, 'waiting', ?)",
    ).bind(id, order.upload.id),
  ];
}

/**
 * Records RunPod's id of a job. The run is cancelled if the job was cancelled meanwhile, or has another run or none,
 * because it was settled.
 */
async function recordAcceptance(env: Env, id: string, runpodId: string): Promise<JobRow> {
  const [, found] = await env.DB.batch<JobRow>([
    env.DB.prepare(
      `UPDATE jobs SET runpod_id = ?, state = CASE state WHEN 'submitting' THEN 'queued' ELSE state END
       WHERE id = ? AND runpod_id IS NULL AND ended_at IS NULL`,
    ).bind(runpodId, id),
    selectJob(env, id),
  ]);
  const row = insertedRow(found?.results[0], id);
  const isItsRun = row.runpod_id === runpodId;
  if (!isItsRun || (row.cancel_requested_at !== null && row.ended_at === null)) await cancel(env, runpodId);
  return row;
}

/** Returns the job of an equal request that came first, or throws the error that the answer needs. */
async function afterRefusal(
  env: Env,
  userId: string,
  order: Order,
  error: unknown,
): Promise<{ row: JobRow; isNew: boolean }> {
  const text = String(error);
  if (text.includes("balance_not_negative")) {
    throw new ApiError(
      402,
      "not_enough_money",
      `the job may cost up to ${(order.terms.hold / 1e6).toFixed(6)} $, which is more than the wallet has; top it up`,
    );
  }
  // The upload was deleted after it was read.
  if (text.includes("a job needs a complete upload")) throw noSuchUpload();
  if (!text.includes("UNIQUE constraint failed: jobs.user_id, jobs.idempotency_key")) throw error;
  const row = await selectJobOfKey(env, userId, order.idempotencyKey).first<JobRow>();
  if (row === null)
    throw new ApiError(409, "conflict", "the same request is being answered; send it again", 1);
  return { row: requireSameBody(row, order.bodyHash), isNew: false };
}

/** Returns the job of an earlier request with this key if that request had the same body. */
function requireSameBody(row: JobRow, bodyHash: string): JobRow {
  if (row.body_sha256 === bodyHash) {
    if (row.deleted_at === null) return row;
    throw new ApiError(410, "job_deleted", "this request created a job that you have deleted; use a new key");
  }
  throw new ApiError(
    422,
    "idempotency_key_reused",
    "this Idempotency-Key belongs to a request with another body; use a new key for a new job",
  );
}

function selectJobOfKey(env: Env, userId: string, idempotencyKey: string): D1PreparedStatement {
  return env.DB.prepare(`${SELECT_JOB} WHERE jobs.user_id = ? AND idempotency_key = ?`).bind(
    userId,
    idempotencyKey,
  );
}

/** Returns the row of a job that this request has inserted. */
function insertedRow(row: JobRow | null | undefined, id: string): JobRow {
  if (!row) throw new Error(`the job ${id} was inserted and is not there`);
  return row;
}
