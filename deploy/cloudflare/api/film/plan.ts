/** Takes the plan of a film from the worker's answer, or from an earlier job on the same upload. */

import type { Outcome } from "../outcome.ts";
import { isRecord } from "../runpod.ts";
import type { Env } from "../settings.ts";
import { headObject } from "../storage.ts";
import type { Film } from "./film_rows.ts";

/** The most segments of a plan, as `MOST_SEGMENTS` in orchestrator/jobs/film.py. */
const MOST_SEGMENTS = 2000;

/** What is kept of a plan: the document itself is an object, which only workers read. */
interface ShortPlan {
  hash: string;
  /** JSON: the segments, and the number of the hardest. */
  text: string;
}

interface PlannedSegment {
  number: number;
  first_frame: number;
  frames: number;
  start_sec: number;
  end_sec: number;
}

/** Returns what is kept of a worker's PlanResult (docs/jobs.md); null if it makes no sense. */
export function shortPlan(output: Record<string, unknown>): ShortPlan | null {
  const { plan_hash, segments, hardest } = output;
  if (typeof plan_hash !== "string" || !/^[0-9a-f]{64}$/.test(plan_hash)) return null;
  if (!Array.isArray(segments) || segments.length === 0 || segments.length > MOST_SEGMENTS) return null;
  const kept: PlannedSegment[] = [];
  let first = 0;
  for (const [number, segment] of segments.entries()) {
    if (!isRecord(segment) || segment.number !== number || !isCount(segment.frames)) return null;
    const { frames, start_sec, end_sec } = segment;
    if (!isTime(start_sec) || !isTime(end_sec)) return null;
    kept.push({ number, first_frame: first, frames, start_sec, end_sec });
    first += frames;
  }
  const hardestNumber = isCount(hardest) && hardest < kept.length ? hardest : 0;
  return { hash: plan_hash, text: JSON.stringify({ hardest: hardestNumber, segments: kept }) };
}

/** Records the plan of a film with a step for each segment, or for the hardest of a preview; the first plan counts. */
export async function recordPlan(
  env: Env,
  film: Film,
  plan: ShortPlan & { key: string },
  charge: number,
): Promise<void> {
  const { id } = film.job;
  await env.DB.batch([
    env.DB.prepare(
      "UPDATE films SET plan_key = ?, plan_hash = ?, plan = ? WHERE job_id = ? AND plan_hash IS NULL",
    ).bind(plan.key, plan.hash, plan.text, id),
    env.DB.prepare(
      `INSERT OR IGNORE INTO film_steps
         (job_id, kind, number, state, upload_id, plan_hash, first_frame, frames, start_sec, end_sec)
       SELECT films.job_id, 'segment', value ->> 'number', 'waiting', films.upload_id, plan_hash,
         value ->> 'first_frame', value ->> 'frames', value ->> 'start_sec', value ->> 'end_sec'
       FROM films, json_each(films.plan, '$.segments')
       WHERE films.job_id = ? AND (is_preview = 0 OR value ->> 'number' = plan ->> 'hardest')`,
    ).bind(id),
    env.DB.prepare(
      `UPDATE film_steps SET state = 'done', done_at = ?, charge = COALESCE(charge, ?)
       WHERE job_id = ? AND kind = 'plan' AND state IN ('waiting', 'submitting', 'running')`,
    ).bind(Date.now(), charge, id),
  ]);
}

/** Uses the plan of an earlier job with the same request for the same upload, at no charge; returns whether there is one. */
export async function reusePlan(env: Env, film: Film): Promise<boolean> {
  const earlier = await env.DB.prepare(
    `SELECT plan_key AS key, plan_hash AS hash, plan AS text FROM films
     WHERE upload_id = ? AND request = ? AND plan_hash IS NOT NULL AND is_plan_refused = 0 AND job_id <> ?
     ORDER BY rowid DESC LIMIT 1`,
  )
    .bind(film.row.upload_id, film.row.request, film.job.id)
    .first<ShortPlan & { key: string }>();
  if (earlier === null || (await headObject(env, earlier.key)) === null) return false;
  await recordPlan(env, film, earlier, 0);
  return true;
}

/**
 * Gives up the plan of a film if that is why a run failed: no other job uses it.
 *
 * @returns how the film ends then; null if the run failed for another reason.
 */
export async function withoutPlan(env: Env, film: Film, failure: Outcome): Promise<Outcome | null> {
  const { error } = failure;
  if (error?.code !== "plan_refused" && error?.code !== "source_changed") return null;
  await env.DB.prepare("UPDATE films SET is_plan_refused = 1 WHERE plan_key = ?")
    .bind(film.row.plan_key)
    .run();
  const message =
    error.code === "source_changed"
      ? "the video was replaced after its film was planned: send the job again, and it is planned anew"
      : `no worker can follow the plan (${error.message}): send the job again, and it is planned anew`;
  return { ...failure, error: { ...error, message: message.slice(0, 1000), retryable: true } };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
