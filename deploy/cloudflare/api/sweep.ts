/** Settles the jobs whose webhook did not arrive: asks RunPod about every job that has not ended. */

import { event } from "./events.ts";
import { sweepFilm } from "./film/film_job.ts";
import type { JobRow } from "./jobs.ts";
import { askRunPod, POLL_INTERVAL_MS } from "./refresh.ts";
import type { Env } from "./settings.ts";

/**
 * The most jobs of one sweep; the next sweep takes the others. A job that has ended takes two requests, to RunPod
 * and to R2, and up to four of the 1,000 statements that a Worker may send to D1 in one run
 * (developers.cloudflare.com/d1/platform/limits).
 */
const MAX_JOBS = 200;
/** How many jobs are in memory at once: the params of one may have 256 KiB, and a Worker has 128 MB. */
const BATCH = 50;
/** How many jobs are asked about at once: a Worker has six connections. */
const CONCURRENCY = 6;
const DAY_MS = 86_400_000;

/** Brings the unsettled jobs up to date, beginning with those that were not asked about for longest. */
export async function sweep(env: Env): Promise<void> {
  const start = Date.now();
  const counts = { unsettled: 0, settled: 0, failed: 0 };
  let batch: JobRow[];
  do {
    batch = await claim(env, start);
    counts.unsettled += batch.length;
    await askAboutAll(env, batch, counts);
  } while (batch.length === BATCH && counts.unsettled < MAX_JOBS);
  event("sweep", counts);
  await deleteExpired(env);
}

/** Asks RunPod about jobs, and counts those that are settled then and those that caused an error. */
async function askAboutAll(
  env: Env,
  jobs: JobRow[],
  counts: { settled: number; failed: number },
): Promise<void> {
  const remaining = jobs.values();
  const work = async () => {
    for (const row of remaining) {
      try {
        if (row.is_film === 1) await sweepFilm(env, row);
        else if ((await askRunPod(env, row)).ended_at !== null) counts.settled += 1;
      } catch (error) {
        counts.failed += 1;
        event("error", { job: row.id, type: error instanceof Error ? error.name : "unknown" });
      }
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
}

/**
 * Takes jobs whose turn it is, so that nobody else asks RunPod about them during the next second.
 *
 * @param start when the sweep began, in milliseconds since 1970: no job is taken twice by one sweep.
 */
async function claim(env: Env, start: number): Promise<JobRow[]> {
  const now = Date.now();
  const { results } = await env.DB.prepare(
    `UPDATE jobs SET polled_at = ?1 WHERE id IN
       (SELECT id FROM jobs WHERE ended_at IS NULL AND (polled_at <= ?2 OR polled_at > ?1)
        ORDER BY polled_at LIMIT ?3)
     RETURNING *, (SELECT object_key FROM uploads WHERE uploads.id = upload_id) AS input_key,
       (SELECT name FROM uploads WHERE uploads.id = upload_id) AS input_name`,
  )
    .bind(now, start - POLL_INTERVAL_MS, BATCH)
    .all<JobRow>();
  return results;
}

/** Deletes sessions that have expired, and quotes that expired a day ago. */
async function deleteExpired(env: Env): Promise<void> {
  const now = Date.now();
  await env.DB.batch([
    env.DB.prepare("DELETE FROM sessions WHERE expires_at < ?").bind(now),
    env.DB.prepare("DELETE FROM quotes WHERE expires_at < ?").bind(now - DAY_MS),
  ]);
}
