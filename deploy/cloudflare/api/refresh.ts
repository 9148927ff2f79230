/** Brings jobs up to date with RunPod: their progress while they run, and their end. */

import { refreshFilm } from "./film/film_job.ts";
import { type JobRow, jobById, noSuchJob, type Progress, selectJob, selectJobOfUser } from "./jobs.ts";
import { outcomeOf, outcomeOfLost, startOf } from "./outcome.ts";
import { cancel, hasEnded, isRecord, type RunPodJob, status } from "./runpod.ts";
import type { Env } from "./settings.ts";
import { settle } from "./settle.ts";
import { headObject } from "./storage.ts";

/** How long RunPod's answer about a job counts as current, in milliseconds. */
export const POLL_INTERVAL_MS = 1000;
/** How long after /run a job that RunPod does not know may still appear, in milliseconds. */
const UNKNOWN_AT_FIRST_MS = 60_000;
/**
 * How long after its output a job whose state RunPod does not tell counts as ended, in milliseconds. By then RunPod has
 * sent the webhook three times, 10 s apart.
 */
const WEBHOOKS_MS = 120_000;
/**
 * How long after its ttl a job certainly does not run any more, in milliseconds: RunPod counts from its acceptance
 * of /run, which may be up to 20 s after the creation of the job, and clocks differ.
 */
const TTL_MARGIN_MS = 60_000;
/** How long after its ttl a job is given up although RunPod does not say that it has ended, in milliseconds: a day. */
const GIVE_UP_MS = 86_400_000;

/**
 * Returns a job of a user as it is now. Asks RunPod at most once a second, however many requests ask for the job: the
 * request that sets `polled_at` asks, and the others get the row of the database.
 *
 * @throws ApiError 404 `job_not_found`: there is none, it was deleted, or it is somebody else's.
 */
export async function refreshJob(env: Env, userId: string, id: string): Promise<JobRow> {
  const now = Date.now();
  // A `polled_at` in the future comes from a clock that was wrong.
  const claim = env.DB.prepare(
    `UPDATE jobs SET polled_at = ?1 WHERE id = ?2 AND user_id = ?3 AND ended_at IS NULL AND deleted_at IS NULL
     AND (polled_at <= ?4 OR polled_at > ?1) RETURNING id`,
  ).bind(now, id, userId, now - POLL_INTERVAL_MS);
  const [claimed, found] = await env.DB.batch<JobRow>([claim, selectJobOfUser(env, userId, id)]);
  const row = found?.results[0];
  if (row === undefined) throw noSuchJob();
  return claimed?.results.length === 1 ? askRunPod(env, row) : row;
}

/** Asks RunPod how a job stands, and records it; settles the job if it has ended. */
export async function askRunPod(env: Env, row: JobRow): Promise<JobRow> {
  if (row.is_film === 1) return refreshFilm(env, row);
  const age = Date.now() - row.created_at;
  const isOver = age > row.ttl_ms + TTL_MARGIN_MS;
  const settleLost = async () => settle(env, row, await outcomeOfLost(env, row), null);
  if (row.runpod_id === null) return isOver || (await isLongDone(env, row)) ? settleLost() : row;
  const found = await status(env, row.runpod_id);
  const isGivenUp = age > row.ttl_ms + GIVE_UP_MS;
  if (found.outcome === "found" && (hasEnded(found.job) || !isGivenUp))
    return recordStatus(env, row, found.job);
  if (found.outcome === "unavailable" && !isGivenUp) return row;
  const isDone = age > UNKNOWN_AT_FIRST_MS && (await headObject(env, row.output_key)) !== null;
  return isOver || isDone ? settleLost() : row;
}

/** Returns whether the output of a job has been in the bucket for so long that no webhook will tell of its end. */
async function isLongDone(env: Env, row: JobRow): Promise<boolean> {
  if (Date.now() - row.created_at < WEBHOOKS_MS) return false;
  const output = await headObject(env, row.output_key);
  return output !== null && Date.now() - output.modifiedAt > WEBHOOKS_MS;
}

/** Records what RunPod says of a job, and settles the job if it has ended. */
export async function recordStatus(env: Env, row: JobRow, job: RunPodJob): Promise<JobRow> {
  if (hasEnded(job)) {
    // What a cancelled job costs depends on whether its owner cancelled it. That was recorded before RunPod was
    // asked to cancel, so the row must be read again.
    const dependsOnCancel = job.status === "CANCELLED" || job.executionMs === undefined;
    const current = (dependsOnCancel ? await jobById(env, row.id) : null) ?? row;
    return current.ended_at === null
      ? settle(env, current, await outcomeOf(env, current, job), job)
      : current;
  }
  const after = job.status === "IN_PROGRESS" ? await recordProgress(env, row, job) : row;
  // The start was recorded first, because a cancelled job costs the time since then.
  if (after.ended_at === null && after.cancel_requested_at !== null) await cancel(env, job.id);
  return after;
}

/** Records that a job runs, and its progress, unless another request has asked RunPod since: a late answer is older. */
async function recordProgress(env: Env, row: JobRow, job: RunPodJob): Promise<JobRow> {
  const startedAt = row.started_at ?? startOf(row, job) ?? Date.now();
  const progress = progressOf(job.output);
  const [, after] = await env.DB.batch<JobRow>([
    env.DB.prepare(
      `UPDATE jobs SET state = CASE WHEN cancel_requested_at IS NULL THEN 'running' ELSE 'cancelling' END,
         runpod_id = COALESCE(runpod_id, ?), started_at = COALESCE(started_at, ?),
         progress = CASE WHEN polled_at <= ? THEN COALESCE(?, progress) ELSE progress END
       WHERE id = ? AND ended_at IS NULL`,
    ).bind(job.id, startedAt, row.polled_at, progress === null ? null : JSON.stringify(progress), row.id),
    selectJob(env, row.id),
  ]);
  return after?.results[0] ?? row;
}

/** Returns the known fields of the worker's progress update; null if the output is not an update. */
function progressOf(output: unknown): Progress | null {
  if (!isRecord(output) || typeof output.stage !== "string") return null;
  const number = (name: string) => {
    const value = output[name];
    return typeof value === "number" && Number.isFinite(value) ? value : null;
  };
  return {
    stage: output.stage.slice(0, 40),
    percent: number("percent"),
    eta_s: number("eta_s"),
    frames: number("frames"),
    total: number("total"),
    fps: number("fps"),
  };
}
