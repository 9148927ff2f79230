/** Cancels and deletes jobs. */

import { ApiError } from "./errors.ts";
import { cancelFilm } from "./film/film_job.ts";
import { type JobRow, jobById } from "./jobs.ts";
import { askRunPod, recordStatus } from "./refresh.ts";
import { cancel, status } from "./runpod.ts";
import type { Env } from "./settings.ts";
import { deleteObject, previewKey } from "./storage.ts";

/**
 * Asks for a job to be cancelled, and settles it if RunPod says at once that it has ended.
 *
 * If RunPod does not answer, the job stays `cancelling`, and the next request to /status or the sweep asks RunPod again.
 *
 * @returns the job as it is afterwards; one that had ended is returned unchanged.
 */
export async function cancelJob(env: Env, row: JobRow): Promise<JobRow> {
  if (row.ended_at !== null) return row;
  await env.DB.prepare(
    `UPDATE jobs SET cancel_requested_at = COALESCE(cancel_requested_at, ?), state = 'cancelling'
     WHERE id = ? AND ended_at IS NULL`,
  )
    .bind(Date.now(), row.id)
    .run();
  const asked = (await jobById(env, row.id)) ?? row;
  if (asked.ended_at === null && asked.is_film === 1) return cancelFilm(env, asked);
  if (asked.ended_at !== null || asked.runpod_id === null) return asked;
  // The status before the cancel says whether the job has begun to run, and so what it costs.
  const before = await status(env, asked.runpod_id);
  const current = before.outcome === "found" ? await recordStatus(env, asked, before.job) : asked;
  if (current.ended_at !== null) return current;
  if (before.outcome !== "found") await cancel(env, asked.runpod_id);
  return askRunPod(env, current);
}

/**
 * Deletes a job with its output and its preview. Its entries in the ledger stay.
 *
 * @throws ApiError 409 `job_not_ended`.
 */
export async function deleteJob(env: Env, row: JobRow): Promise<void> {
  if (row.ended_at === null)
    throw new ApiError(409, "job_not_ended", "the job has not ended; cancel it first");
  await Promise.all([row.output_key, previewKey(row.output_key)].map((key) => deleteObject(env, key)));
  await env.DB.prepare("UPDATE jobs SET deleted_at = ?, params = '{}', result = NULL WHERE id = ?")
    .bind(Date.now(), row.id)
    .run();
}
