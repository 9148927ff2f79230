/**
 * Ends jobs: moves the money in one transaction, exactly once.
 *
 * Webhooks, GET /status, cancels and the sweep all call `settle`, perhaps at the same time. Each tries
 * to insert the job's one `release` entry; the database lets the first through, and the others find the job ended.
 */

import { event } from "./events.ts";
import { type JobRow, jobById } from "./jobs.ts";
import { type Outcome, REFUSED, startOf } from "./outcome.ts";
import type { RunPodJob } from "./runpod.ts";
import type { Env } from "./settings.ts";

/**
 * Ends a job, unless that has happened already.
 *
 * A job that RunPod refused gives its idempotency key back, so that the same request can be sent again.
 *
 * @param job the job as RunPod describes it; null if RunPod does not know it.
 * @returns the job as it is afterwards.
 */
export async function settle(
  env: Env,
  row: JobRow,
  outcome: Outcome,
  job: RunPodJob | null,
): Promise<JobRow> {
  const now = Date.now();
  const entry =
    "INSERT INTO entries (user_id, kind, amount, job_id, note, created_at) VALUES (?, ?, ?, ?, ?, ?)";
  const note = `${row.task}, ${outcome.state}${outcome.error ? `: ${outcome.error.code}` : ""}`;
  try {
    const [, , updated] = await env.DB.batch<JobRow>([
      env.DB.prepare(entry).bind(row.user_id, "release", row.hold, row.id, note, now),
      env.DB.prepare(entry).bind(row.user_id, "capture", -outcome.charge, row.id, note, now),
      env.DB.prepare(
        `UPDATE jobs SET state = ?, charge = ?, result = ?, error = ?, ended_at = ?, execution_ms = ?,
           runpod_id = COALESCE(runpod_id, ?), started_at = COALESCE(started_at, ?),
           idempotency_key = ${outcome === REFUSED ? "NULL" : "idempotency_key"} WHERE id = ? RETURNING *`,
      ).bind(
        outcome.state,
        outcome.charge,
        outcome.result === undefined ? null : JSON.stringify(outcome.result),
        outcome.error === undefined ? null : JSON.stringify(outcome.error),
        now,
        job?.executionMs ?? null,
        job?.id ?? null,
        job === null ? null : startOf(row, job),
        row.id,
      ),
    ]);
    event("job_settled", {
      job: row.id,
      task: row.task,
      state: outcome.state,
      code: outcome.error?.code ?? "",
      charge: outcome.charge,
      hold: row.hold,
      execution_ms: job?.executionMs ?? null,
      total_ms: now - row.created_at,
    });
    return { ...row, ...updated?.results[0] };
  } catch (error) {
    if (!String(error).includes("UNIQUE constraint failed: entries.job_id")) throw error;
    return (await jobById(env, row.id)) ?? row;
  }
}
