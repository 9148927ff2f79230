/**
 * Advances a film: asks RunPod about its open steps, submits the next ones, and ends it.
 *
 * All state is in D1, and every change is one statement that only one driver can make. So a round can be repeated
 * after a crash, and two drivers of one film do no harm.
 */

import { type JobRow, jobById } from "../jobs.ts";
import { type Outcome, outcomeOf, outcomeOfLost, uncharged } from "../outcome.ts";
import { cancel, hasEnded, isRecord, type RunPodJob, run, status } from "../runpod.ts";
import type { Env } from "../settings.ts";
import { settle } from "../settle.ts";
import { deleteObject, headObject, planKey } from "../storage.ts";
import { webhookUrl } from "../webhook_mac.ts";
import { chargeForFrames, filmCharge } from "./film_price.ts";
import { type Film, isOpen, keyOf, readFilm, runName, STEP, type StepRow, termsOf } from "./film_rows.ts";
import { recordPlan, reusePlan, shortPlan, withoutPlan } from "./plan.ts";
import { keyOfPiece, stepInput, timeoutOf } from "./step_job.ts";
import { segmentsToRepeat } from "./stragglers.ts";

/** How often a step is run at most. */
const MAX_RUNS = 3;
/** How often a step is submitted at most if its last /run got no answer: it may never have reached RunPod. */
const MAX_UNCONFIRMED = 20;
/** How long a step whose /run got no answer waits before it is submitted again, in milliseconds. */
const UNCONFIRMED_MS = 30_000;
/** How long after /run a job that RunPod does not know may still appear, in milliseconds. */
const UNKNOWN_AT_FIRST_MS = 60_000;
/** How much later than its ttl a film is given up, in milliseconds: clocks differ. */
const TTL_MARGIN_MS = 60_000;

/** The end of a film that its owner has cancelled. */
export const CANCELLED: Outcome = { state: "cancelled", charge: 0 };

/** Advances a film as far as possible without waiting; returns whether it has ended. */
export async function advance(env: Env, jobId: string): Promise<boolean> {
  const found = await readFilm(env, jobId);
  for (const step of found?.steps ?? []) {
    const isDue = Date.now() - step.polled_at >= waitMs(env);
    if (found?.job.ended_at === null && isOpen(step) && isDue) await lookAt(env, found, step);
  }
  for (;;) {
    const film = await readFilm(env, jobId);
    if (film === null || film.job.ended_at !== null) return true;
    const end = endOf(film);
    if (end !== null) return (await endFilm(env, film, end)).ended_at !== null;
    if (!(await submitNext(env, film))) return false;
  }
}

/** Returns how long a film waits for a webhook before RunPod is asked, in milliseconds. */
export function waitMs(env: Env): number {
  return Number(env.FILM_WAIT_S) * 1000;
}

/** Returns how a film ends if nothing is left to do; null if it goes on. */
function endOf(film: Film): Outcome | null {
  const { job, row } = film;
  if (row.ending !== null) return JSON.parse(row.ending) as Outcome;
  if (job.cancel_requested_at !== null) return CANCELLED;
  if (Date.now() - job.created_at > job.ttl_ms + TTL_MARGIN_MS) {
    return uncharged("timed_out", "the film took longer than its time limit; send it again", true);
  }
  if (row.is_preview === 0 || !isMade(film)) return null;
  return { state: "completed", charge: 0, result: { status: "completed", notes: [] } };
}

/** Returns whether the film has segments, and all of them are done. */
function isMade({ steps }: Film): boolean {
  const segments = steps.filter((step) => step.kind === "segment");
  return segments.length > 0 && segments.every((step) => step.state === "done");
}

/** Submits waiting steps while workers are free; returns whether one turned out to be done, so that others can follow. */
async function submitNext(env: Env, film: Film): Promise<boolean> {
  if (isMade(film) && !film.steps.some((step) => step.kind === "assemble")) {
    await insertStep(env, film, "assemble");
    return true;
  }
  let free = Math.max(1, Number(env.WORKERS)) - film.steps.filter(isOpen).length;
  let isAnyDone = false;
  for (const step of film.steps) {
    if (step.state !== "waiting" || (step.kind === "assemble" && !isMade(film))) continue;
    if (free <= 0) break;
    const result = await submitStep(env, film, step);
    if (result === "refused") break;
    if (result === "submitted") free -= 1;
    isAnyDone ||= result === "done";
  }
  return isAnyDone || (free > 0 && (await repeatSlow(env, film, free)));
}

/** Queues slow segments for a second run beside the first, which goes on; returns whether there are any. */
async function repeatSlow(env: Env, film: Film, free: number): Promise<boolean> {
  const segments = film.steps.filter((step) => step.kind === "segment");
  const slow = segmentsToRepeat(segments, Date.now()).slice(0, free);
  for (const step of slow) await update(env, step, "state = 'waiting', earlier_id = runpod_id");
  return slow.length > 0;
}

/** Adds a step that follows from how the others ended. */
async function insertStep(env: Env, film: Film, kind: StepRow["kind"]): Promise<void> {
  await env.DB.prepare(
    "INSERT OR IGNORE INTO film_steps (job_id, kind, number, state, upload_id) VALUES (?, ?, 0, 'waiting', ?)",
  )
    .bind(film.job.id, kind, film.row.upload_id)
    .run();
}

/** Asks RunPod to run a step, unless its result is there. The attempt is recorded before, and RunPod's id after. */
async function submitStep(
  env: Env,
  film: Film,
  step: StepRow,
): Promise<"done" | "submitted" | "refused" | "taken"> {
  if (step.kind === "segment" && (await takePiece(env, film, step, null))) return "done";
  if (step.kind === "plan" && (await reusePlan(env, film))) return "done";
  const now = Date.now();
  const claimed = await env.DB.prepare(
    `UPDATE film_steps SET state = 'submitting', runs = runs + 1, submitted_at = ?, polled_at = ?, runpod_id = NULL,
       started_at = NULL, progress = NULL
     WHERE ${STEP} AND state = 'waiting' AND EXISTS (
       SELECT 1 FROM jobs WHERE id = job_id AND ended_at IS NULL AND cancel_requested_at IS NULL
     ) RETURNING *`,
  )
    .bind(now, now, ...keyOf(step))
    .first<StepRow>();
  if (claimed === null) return "taken";
  const timeoutMs = timeoutOf(film, claimed) * 1000;
  const ttlMs = Math.min(timeoutMs + Number(env.QUEUE_LIMIT_S) * 1000, 7 * 86_400_000);
  let input: object;
  try {
    input = await stepInput(env, film, claimed, Math.ceil(ttlMs / 1000));
  } catch (error) {
    // The storage does not answer; this was no run.
    await update(env, claimed, "state = 'waiting', runs = runs - 1");
    throw error;
  }
  const submission = await run(env, {
    input,
    webhook: await webhookUrl(env, runName({ ...claimed, run: claimed.runs })),
    policy: { executionTimeout: timeoutMs, ttl: ttlMs },
  });
  if (submission.outcome === "refused") {
    await update(env, claimed, "state = 'waiting', runs = runs - 1");
    return "refused";
  }
  if (submission.outcome === "accepted") await recordAcceptance(env, claimed, submission.id);
  return "submitted";
}

/** Records RunPod's id of a run; the run is cancelled if the step does not need it any more. */
export async function recordAcceptance(env: Env, step: StepRow, runpodId: string): Promise<void> {
  const isRecorded = await update(env, step, "state = 'running', runpod_id = ?", runpodId);
  if (!isRecorded) {
    const now = await env.DB.prepare(`SELECT runpod_id FROM film_steps WHERE ${STEP}`)
      .bind(...keyOf(step))
      .first<StepRow>();
    if (now?.runpod_id !== runpodId) await cancel(env, runpodId);
  }
}

/** Changes an open step, unless another run of it has begun; returns whether it did. */
async function update(env: Env, step: StepRow, change: string, ...values: unknown[]): Promise<boolean> {
  const { meta } = await env.DB.prepare(
    `UPDATE film_steps SET ${change} WHERE ${STEP} AND state = ? AND runs = ?`,
  )
    .bind(...values, ...keyOf(step), step.state, step.runs)
    .run();
  return meta.changes > 0;
}

/**
 * Asks RunPod how an open step stands, and records it.
 *
 * A segment whose piece is in the bucket is done, whatever RunPod says.
 */
export async function lookAt(env: Env, film: Film, step: StepRow): Promise<void> {
  const age = Date.now() - (step.submitted_at ?? 0);
  const found = step.runpod_id === null ? null : await status(env, step.runpod_id);
  const job = found?.outcome === "found" ? found.job : null;
  const isOver = found?.outcome === "gone" ? age > UNKNOWN_AT_FIRST_MS : job !== null && hasEnded(job);
  const mayBeThere = step.kind === "segment" && (isOver || age >= waitMs(env));
  if (mayBeThere && (await takePiece(env, film, step, job))) return;
  if (isOver) return finishRun(env, film, step, job);
  if (found === null && age > UNCONFIRMED_MS) return tryAgain(env, film, step, LOST, MAX_UNCONFIRMED);
  await recordLook(env, film, step, job);
}

/** Finishes a segment if its piece is in the bucket, whichever run has made it; returns whether it is. */
export async function takePiece(
  env: Env,
  film: Film,
  step: StepRow,
  job: RunPodJob | null,
): Promise<boolean> {
  if ((await headObject(env, keyOfPiece(film, step.number))) === null) return false;
  await finishSegment(env, film, step, job);
  return true;
}

const LOST = uncharged("job_lost", "a part of the job was lost several times; send it again", true);

/** Records that RunPod was asked about a step that goes on, and its progress. */
async function recordLook(env: Env, film: Film, step: StepRow, job: RunPodJob | null): Promise<void> {
  const isRunning = job?.status === "IN_PROGRESS";
  const progress = isRunning && isRecord(job.output) ? JSON.stringify(job.output).slice(0, 2000) : null;
  const change = "polled_at = ?, progress = COALESCE(?, progress), started_at = COALESCE(started_at, ?)";
  await update(env, step, change, Date.now(), progress, isRunning ? Date.now() : null);
  if (!isRunning || film.job.state !== "queued") return;
  await env.DB.prepare(
    "UPDATE jobs SET state = 'running', started_at = COALESCE(started_at, ?) WHERE id = ? AND state = 'queued'",
  )
    .bind(Date.now(), film.job.id)
    .run();
}

/** Records that the piece of a segment is there, and what it costs: nothing if it was paid for before. */
async function finishSegment(env: Env, film: Film, step: StepRow, job: RunPodJob | null): Promise<void> {
  const terms = termsOf(film);
  const share = chargeForFrames(terms, step.first_frame, step.frames);
  const ranMs = terms.is_speed_known ? undefined : job?.executionMs;
  // A fallback speed is far on the safe side, so what ran counts if it is less.
  const charge = ranMs === undefined ? share : Math.min(share, Math.ceil((ranMs * terms.price_per_s) / 1000));
  await env.DB.prepare(
    `UPDATE film_steps SET state = 'done', done_at = ?, ran_ms = ?, progress = NULL, charge = COALESCE(charge,
       CASE WHEN EXISTS (
         SELECT 1 FROM film_steps AS paid WHERE paid.upload_id = film_steps.upload_id
           AND paid.plan_hash = film_steps.plan_hash AND paid.number = film_steps.number AND paid.charge > 0
       ) THEN 0 ELSE ? END)
     WHERE ${STEP} AND state IN ('waiting', 'submitting', 'running')`,
  )
    .bind(Date.now(), job?.executionMs ?? null, charge, ...keyOf(step))
    .run();
  const isOwnRunOver = job !== null && hasEnded(job);
  for (const id of [step.earlier_id, isOwnRunOver ? null : step.runpod_id]) {
    if (id !== null) await cancel(env, id);
  }
}

/** Records the result of a run that is over. Without a result, the step is tried again, or the film ends. */
async function finishRun(env: Env, film: Film, step: StepRow, job: RunPodJob | null): Promise<void> {
  if (step.kind === "plan" && job?.status === "COMPLETED") {
    const output = isRecord(job.output) ? job.output : {};
    if (typeof output.unsplit === "string") return goUnsplit(env, film, step, output.unsplit);
    const plan = shortPlan(output);
    const key = planKey(film.job.user_id, film.job.id, step.runs);
    if (plan !== null) return recordPlan(env, film, { key, ...plan }, termsOf(film).film.plan_cost);
  }
  if (job?.status === "FAILED") {
    const failure = await outcomeOf(env, film.job, job);
    if (failure.error?.code === "piece_damaged" && step.runs < MAX_RUNS) await makeAnew(env, film, job);
    return tryAgain(env, film, step, failure);
  }
  if (step.kind === "assemble" || step.kind === "whole") {
    const outcome = await (job === null ? outcomeOfLost(env, film.job) : outcomeOf(env, film.job, job));
    const isWholeTooLong = step.kind === "whole" && job?.status === "TIMED_OUT";
    if (outcome.state === "completed" || isWholeTooLong) {
      await endFilm(env, film, outcome);
      return;
    }
  }
  const isLate = job?.status === "TIMED_OUT";
  const late = uncharged("timed_out", "a part of the job took longer than its time limit");
  return tryAgain(env, film, step, isLate ? late : LOST);
}

/** Goes on with one ordinary job, because the video cannot or need not be split. */
async function goUnsplit(env: Env, film: Film, step: StepRow, why: string): Promise<void> {
  if (film.row.is_preview === 1) {
    await endFilm(env, film, uncharged("no_preview", why.slice(0, 1000)));
    return;
  }
  await insertStep(env, film, "whole");
  await update(env, step, "state = 'done', done_at = ?, charge = 0", Date.now());
}

/** Lets a step wait for another run after a failure that may pass; ends the film after any other. */
async function tryAgain(
  env: Env,
  film: Film,
  step: StepRow,
  failure: Outcome,
  most = MAX_RUNS,
): Promise<void> {
  const ending = await withoutPlan(env, film, failure);
  if (ending !== null) {
    await endFilm(env, film, ending);
    return;
  }
  const isFinal = failure.error?.fault === "caller" && !failure.error.retryable;
  if (isFinal || step.runs >= most) await endFilm(env, film, failure);
  else await update(env, step, "state = 'waiting'");
}

/** Deletes the piece that a failed run has found damaged, and lets its segment be made once more; it stays paid for. */
async function makeAnew(env: Env, film: Film, job: RunPodJob): Promise<void> {
  const number = isRecord(job.output) ? job.output.piece : undefined;
  const segment = film.steps.find((step) => step.kind === "segment" && step.number === number);
  if (segment === undefined) return;
  await deleteObject(env, keyOfPiece(film, segment.number));
  await env.DB.prepare(
    `UPDATE film_steps SET state = 'waiting', done_at = NULL, runs = 0 WHERE ${STEP} AND state = 'done'`,
  )
    .bind(...keyOf(segment))
    .run();
}

/**
 * Ends a film and settles its job. The ending is written first, then no step can become done any more, and then the
 * money moves: after a crash in between, the next round continues with the ending that was written.
 */
export async function endFilm(env: Env, film: Film, outcome: Outcome): Promise<JobRow> {
  const { job } = film;
  const id = job.id;
  const isWhole = film.steps.some((step) => step.kind === "whole");
  const [endings, open] = await env.DB.batch<{ ending: string; runpod_id: string | null }>([
    env.DB.prepare("UPDATE films SET ending = COALESCE(ending, ?) WHERE job_id = ? RETURNING ending").bind(
      JSON.stringify(outcome),
      id,
    ),
    env.DB.prepare("SELECT runpod_id FROM film_steps WHERE job_id = ? AND state = 'running'").bind(id),
    env.DB.prepare("UPDATE film_steps SET state = 'dropped' WHERE job_id = ? AND state <> 'done'").bind(id),
  ]);
  const ending = JSON.parse(endings?.results[0]?.ending ?? "null") as Outcome;
  const { assemble_cost } = termsOf(film).film;
  const end = ending.state === "failed" ? (ending.error?.fault ?? "worker") : ending.state;
  const [, , sums] = await env.DB.batch<{ segments: number; others: number }>([
    env.DB.prepare(
      "UPDATE film_steps SET charge = COALESCE(charge, ?) WHERE job_id = ? AND kind = 'assemble' AND ? = 'completed'",
    ).bind(assemble_cost, id, end),
    // What is not charged now is paid for by the next job that finds the piece.
    env.DB.prepare("UPDATE film_steps SET charge = 0 WHERE job_id = ? AND charge > 0 AND ? = 'worker'").bind(
      id,
      end,
    ),
    env.DB.prepare(
      `SELECT COALESCE(SUM(charge) FILTER (WHERE kind = 'segment'), 0) AS segments,
         COALESCE(SUM(charge) FILTER (WHERE kind <> 'segment'), 0) AS others
       FROM film_steps WHERE job_id = ?`,
    ).bind(id),
  ]);
  const charges = sums?.results[0] ?? { segments: 0, others: 0 };
  const charge = isWhole ? Math.min(job.hold, ending.charge) : filmCharge(job.hold, charges, end);
  const settled = await settle(env, job, { ...ending, charge }, null);
  const ids = (open?.results ?? []).flatMap(({ runpod_id }) => (runpod_id === null ? [] : [runpod_id]));
  await Promise.all(ids.map((runpodId) => cancel(env, runpodId)));
  return settled.ended_at === null ? ((await jobById(env, id)) ?? settled) : settled;
}
