/** Decides how a job ended and what it costs, by the rules of docs/billing.md. */

import errorCodes from "./generated/error_codes.json" with { type: "json" };
import type { JobError, JobRow, Progress } from "./jobs.ts";
import { chargeFor, type Terms } from "./quote.ts";
import { isRecord, type RunPodJob } from "./runpod.ts";
import type { Env } from "./settings.ts";
import { headObject, keyOfBucketUrl, putObject } from "./storage.ts";

/** The longest result that is kept in the database, in characters; a row of D1 has at most 2 MB. */
const MAX_RESULT_CHARACTERS = 200_000;

/**
 * Codes of the worker for which nothing is charged, although docs/errors.md names the caller: the API makes the
 * addresses of a job, and the operator builds its models.
 */
const PROVIDER_FAULTS: ReadonlySet<string> = new Set([
  "address_refused",
  "input_forbidden",
  "input_not_found",
  "model_not_built",
  "output_forbidden",
  "output_refused",
  "output_too_large",
  "plan_refused",
  "result_too_large",
  "weights_refused",
]);

/** A video with more than this many times the frames of its quote was understated: its timeout is the caller's fault. */
const UNDERSTATED_RATIO = 1.5;

/** How a job ended. */
export interface Outcome {
  state: "completed" | "failed" | "cancelled";
  /** In micro-dollars. */
  charge: number;
  result?: Record<string, unknown> | undefined;
  error?: JobError | undefined;
}

/** The outcome of a job that RunPod refused. */
export const REFUSED = uncharged(
  "submission_refused",
  "no worker took the job; send the same request again in a while",
  true,
);

/** Returns the outcome of a job that has ended at RunPod. */
export async function outcomeOf(env: Env, row: JobRow, job: RunPodJob): Promise<Outcome> {
  switch (job.status) {
    case "COMPLETED":
      return completed(env, row, job);
    case "CANCELLED":
      return cancelled(row, job);
    case "TIMED_OUT":
      return timedOut(row, job);
    default:
      return failed(env, row, job);
  }
}

/**
 * Returns the outcome of a job that RunPod does not know any more.
 *
 * If its output is in the bucket, the job did complete, and costs what was expected; otherwise it costs nothing.
 */
export async function outcomeOfLost(env: Env, row: JobRow): Promise<Outcome> {
  if ((await headObject(env, row.output_key)) !== null) {
    const terms = JSON.parse(row.terms) as Terms;
    return { state: "completed", charge: Math.min(terms.expected, row.hold) };
  }
  if (row.cancel_requested_at !== null) return { state: "cancelled", charge: 0 };
  return uncharged("job_lost", "the job was not finished in time; send it again", true);
}

async function completed(env: Env, row: JobRow, job: RunPodJob): Promise<Outcome> {
  const terms = JSON.parse(row.terms) as Terms;
  const result = isRecord(job.output) && job.output.status === "completed" ? job.output : undefined;
  const isFile = result === undefined || "output_url" in result;
  if (isFile && (await headObject(env, row.output_key)) === null) {
    return uncharged("output_missing", "the job ended without its output; send it again", true);
  }
  const charge = chargeFor(terms, job.executionMs);
  return { state: "completed", charge, result: result && (await storableResult(env, row, result)) };
}

function failed(env: Env, row: JobRow, job: RunPodJob): Outcome {
  const output = isRecord(job.output) ? job.output : {};
  const text = typeof job.error === "string" ? job.error : "";
  const code = typeof output.code === "string" ? output.code : (/^[a-z_]{1,40}(?=: )/.exec(text)?.[0] ?? "");
  const known = Object.hasOwn(errorCodes, code) ? errorCodes[code as keyof typeof errorCodes] : undefined;
  if (known === undefined) return uncharged("worker_failed", "the worker failed; send the job again", true);
  const message = (text.startsWith(`${code}: `) ? text.slice(code.length + 2) : text).slice(0, 1000);
  const error: JobError = {
    code,
    message: message || "the job failed",
    retryable: known.retryable,
    fault: faultOf(env, row, code, text),
  };
  const charge = error.fault === "caller" ? costOfRun(row, job) : 0;
  return { state: "failed", charge, error };
}

/** Returns whose fault a failure with a known code is. */
function faultOf(env: Env, row: JobRow, code: string, message: string): JobError["fault"] {
  if (concernsTracks(env, row, code, message)) return "caller";
  return PROVIDER_FAULTS.has(code)
    ? "worker"
    : (errorCodes[code as keyof typeof errorCodes].fault as JobError["fault"]);
}

/**
 * Returns whether a failure is that of the address of `params.tracks`, which the caller chose: the message names its
 * host, or its file if it is in the bucket of the API. The worker shows both of an address (orchestrator/redaction.py).
 */
function concernsTracks(env: Env, row: JobRow, code: string, message: string): boolean {
  const { tracks } = JSON.parse(row.params) as { tracks?: unknown };
  if (typeof tracks !== "string") return false;
  const key = keyOfBucketUrl(env, tracks);
  if (key !== null) return PROVIDER_FAULTS.has(code) && message.includes(key.slice(key.lastIndexOf("/") + 1));
  const host = URL.parse(tracks)?.hostname;
  return host !== undefined && message.toLowerCase().includes(host);
}

/** Returns the outcome of a cancelled job: it costs what ran if its owner cancelled it, and nothing if RunPod did. */
function cancelled(row: JobRow, job: RunPodJob): Outcome {
  return { state: "cancelled", charge: row.cancel_requested_at === null ? 0 : costOfRun(row, job) };
}

/**
 * Returns the outcome of a job that reached its time limit. It costs nothing, unless its video has far more frames than
 * the quote counts: the limit follows from the length that the request states.
 */
function timedOut(row: JobRow, job: RunPodJob): Outcome {
  const { frames } = JSON.parse(row.terms) as Terms;
  const total = row.progress === null ? null : (JSON.parse(row.progress) as Progress).total;
  if (total === null || total <= frames * UNDERSTATED_RATIO) {
    return uncharged("timed_out", "the job took longer than its time limit");
  }
  const message =
    `the video has ${total} frames, but the quote counts ${frames}, so the job reached its time limit: ` +
    "state the video's length in `source`";
  const error: JobError = { code: "timed_out", message, retryable: false, fault: "caller" };
  return { state: "failed", charge: costOfRun(row, job), error };
}

/** Returns the outcome of a job that failed and costs nothing. */
export function uncharged(code: string, message: string, retryable = false): Outcome {
  return { state: "failed", charge: 0, error: { code, message, retryable, fault: "worker" } };
}

/** Returns what the run of a job costs. If RunPod states no time, the time from its start to the cancel counts. */
function costOfRun(row: JobRow, job: RunPodJob): number {
  const terms = JSON.parse(row.terms) as Terms;
  const startedAt = row.started_at ?? startOf(row, job);
  const cancelledAt = row.cancel_requested_at;
  const knownMs = startedAt !== null && cancelledAt !== null ? Math.max(0, cancelledAt - startedAt) : 0;
  return chargeFor(terms, job.executionMs ?? knownMs);
}

/**
 * Returns a result that fits into the database. Tracks that are too long move to the job's output object; a longer
 * result of a job with a file of its own is replaced by a short form, because the file has that object.
 */
async function storableResult(
  env: Env,
  row: JobRow,
  result: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const text = JSON.stringify(result);
  if (text.length <= MAX_RESULT_CHARACTERS) return result;
  const url = `${env.S3_ENDPOINT}/${env.S3_BUCKET}/${row.output_key}`;
  if ("output_url" in result) return shortResult(url, text.length, result);
  const bytes = new TextEncoder().encode(text).length;
  await putObject(env, row.output_key, text, "application/json");
  const { tracks: _, ...figures } = result;
  const summary = { ...figures, output_url: url, json_bytes: bytes, gzip_bytes: null };
  return JSON.stringify(summary).length <= MAX_RESULT_CHARACTERS
    ? summary
    : shortResult(url, text.length, result);
}

/** Returns the short form of a result, as the worker makes it where RunPod refuses the whole one. */
function shortResult(
  url: string,
  characters: number,
  result: Record<string, unknown>,
): Record<string, unknown> {
  const note = `the whole result, with figures and notes, has ${characters} characters: this one is short`;
  return { status: "completed", output_url: url, preview_url: result.preview_url ?? null, notes: [note] };
}

/** Returns when RunPod began to run a job, in milliseconds since 1970; null if RunPod does not state it. */
export function startOf(row: JobRow, job: RunPodJob): number | null {
  // A job never waits longer than its ttl, whatever RunPod states.
  return job.delayMs === undefined ? null : row.created_at + Math.round(Math.min(job.delayMs, row.ttl_ms));
}
