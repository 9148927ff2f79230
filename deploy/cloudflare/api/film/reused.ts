/** Finds what a film uses again from earlier jobs and does not pay for, so that its quote names what will be charged. */

import { canonical } from "../canonical_json.ts";
import type { OrderedJob } from "../ordered_job.ts";
import type { Terms } from "../quote.ts";
import type { Env } from "../settings.ts";
import type { Upload } from "../uploads.ts";
import { chargeForFrames } from "./film_price.ts";
import { planRequest } from "./step_job.ts";

/** A segment of the plan that is used again, if it is paid for; nulls if none is. */
interface PaidSegment {
  number: number | null;
  hardest: number;
  first_frame: number | null;
  frames: number | null;
}

/**
 * Returns the terms of a job; if it is a film, without the cost of the plan and the pieces that are there.
 *
 * The plan is the one that `reusePlan` takes, and the pieces are those that `finishSegment` does not charge.
 *
 * @param order the job and its upload.
 */
export async function withoutReused(
  env: Env,
  order: OrderedJob & { upload: Upload },
  terms: Terms,
): Promise<Terms> {
  const { film } = terms;
  if (film === null) return terms;
  const { results } = await env.DB.prepare(
    `SELECT paid.number, paid.first_frame, paid.frames, films.plan ->> 'hardest' AS hardest FROM films
     LEFT JOIN film_steps AS paid ON paid.upload_id = films.upload_id AND paid.plan_hash = films.plan_hash
       AND paid.kind = 'segment' AND paid.charge > 0
     WHERE films.job_id = (
       SELECT job_id FROM films WHERE upload_id = ? AND request = ? AND plan_hash IS NOT NULL AND is_plan_refused = 0
       ORDER BY rowid DESC LIMIT 1
     )`,
  )
    .bind(order.upload.id, canonical(planRequest(env, order, film.work_sec)))
    .all<PaidSegment>();
  if (results.length === 0) return terms;
  const isAllPaid = film.is_preview && results.some((one) => one.number === one.hardest);
  const paid = film.is_preview ? [] : results;
  const segments = paid.reduce(
    (sum, { first_frame, frames }) =>
      sum + chargeForFrames({ ...terms, film }, first_frame ?? 0, frames ?? 0),
    0,
  );
  const reused = isAllPaid ? terms.expected : Math.min(terms.expected, film.plan_cost + segments);
  return { ...terms, expected: terms.expected - reused, film: { ...film, reused } };
}
