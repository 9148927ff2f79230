/** Settles the jobs that no webhook told of: asks RunPod about every job that has not ended. */

import { event } from "./events.ts";
import { type JobRow, SELECT_JOB } from "./jobs.ts";
import { refresh } from "./refresh.ts";
import type { Env } from "./settings.ts";

/** The most jobs of one sweep; each takes up to two requests, of 1,000 that a Worker may send. The rest are next. */
const MOST_JOBS = 400;
/** How many jobs are asked about at once: a Worker has six connections. */
const AT_ONCE = 6;

/** Brings the unsettled jobs up to date, those first that were not asked about for longest. */
export async function sweep(env: Env): Promise<void> {
  const { results } = await env.DB.prepare(`${SELECT_JOB} WHERE ended_at IS NULL ORDER BY polled_at LIMIT ?`)
    .bind(MOST_JOBS)
    .all<JobRow>();
  const waiting = [...results];
  const tally = { unsettled: results.length, settled: 0, failed: 0 };
  const work = async () => {
    for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
      try {
        if ((await refresh(env, row)).ended_at !== null) tally.settled += 1;
      } catch (error) {
        tally.failed += 1;
        event("error", { job: row.id, type: error instanceof Error ? error.name : "unknown" });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  event("sweep", tally);
  await forgetExpired(env);
}

/** Deletes sessions and quotes that have expired. */
async function forgetExpired(env: Env): Promise<void> {
  const now = Date.now();
  await env.DB.batch([
    env.DB.prepare("DELETE FROM sessions WHERE expires_at < ?").bind(now),
    env.DB.prepare("DELETE FROM quotes WHERE expires_at < ?").bind(now - 86_400_000),
  ]);
}
