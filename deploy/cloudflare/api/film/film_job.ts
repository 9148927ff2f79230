/** Does for films what refresh.ts and job_actions.ts do for other jobs: refreshes them, handles webhooks, cancels. */

import { type JobRow, jobById } from "../jobs.ts";
import { chargeFor } from "../quote.ts";
import type { Env } from "../settings.ts";
import { CANCELLED, endFilm, lookAt, recordAcceptance, takePiece } from "./advance.ts";
import { type Film, type FilmRow, isOpen, readFilm, type StepRun, termsOf } from "./film_rows.ts";
import { progressOfFilm } from "./film_status.ts";
import { keepAlive, nudge } from "./instance.ts";

/** How many steps one look asks RunPod about: a Worker has six connections. */
const MOST_LOOKS = 6;
/** How long RunPod's answer about a step counts as current, in milliseconds. */
const POLL_INTERVAL_MS = 1000;

/** Asks RunPod about some of the running steps of a film: those that it was not asked about for longest. */
export async function refreshFilm(env: Env, job: JobRow): Promise<JobRow> {
  const film = await readFilm(env, job.id);
  if (film === null || film.job.ended_at !== null) return film?.job ?? job;
  const due = film.steps
    .filter((step) => step.state === "running" && Date.now() - step.polled_at >= POLL_INTERVAL_MS)
    .sort((a, b) => a.polled_at - b.polled_at)
    .slice(0, MOST_LOOKS);
  await Promise.all(due.map((step) => lookAt(env, film, step)));
  const after = (await readFilm(env, job.id)) ?? film;
  if (hasChanged(film, after)) await nudge(env, after.row);
  if (after.job.ended_at !== null) return after.job;
  const progress = JSON.stringify(progressOfFilm(after, Date.now()));
  await env.DB.prepare("UPDATE jobs SET progress = ? WHERE id = ? AND ended_at IS NULL")
    .bind(progress, job.id)
    .run();
  return { ...after.job, progress };
}

/** Returns whether a step is in another state, so that others can follow. */
function hasChanged(before: Film, after: Film): boolean {
  const states = (film: Film) => film.steps.map((step) => step.state).join();
  return states(before) !== states(after);
}

/** Wakes the Workflows instance that drives a film, or starts another; it then looks at all steps that are due. */
export async function sweepFilm(env: Env, job: JobRow): Promise<void> {
  const row = await env.DB.prepare("SELECT * FROM films WHERE job_id = ?").bind(job.id).first<FilmRow>();
  if (row !== null) await keepAlive(env, row);
}

/**
 * Handles the webhook that says that a run of a step has ended.
 *
 * @param runpodId RunPod's id of the run, as the body of the webhook names it; used if it is not known yet.
 * @returns whether nothing more is expected of the run.
 */
export async function hearOfStep(
  env: Env,
  heard: StepRun,
  runpodId: () => Promise<string | null>,
): Promise<boolean> {
  const film = await readFilm(env, heard.job_id);
  const step = stepOf(film, heard);
  if (film === null || film.job.ended_at !== null || step === undefined || !isOpen(step)) return true;
  // An earlier run of a segment may have stored the piece that a later run is making.
  if (step.runs !== heard.run) {
    if (step.kind === "segment" && (await takePiece(env, film, step, null))) await nudge(env, film.row);
    return true;
  }
  if (step.runpod_id === null) {
    const id = await runpodId();
    if (id !== null) await recordAcceptance(env, step, id);
  }
  const current = await readFilm(env, heard.job_id);
  const known = stepOf(current, heard);
  if (current === null || known === undefined) return true;
  if (isOpen(known)) await lookAt(env, current, known);
  const after = await readFilm(env, heard.job_id);
  await nudge(env, film.row);
  const last = stepOf(after, heard);
  return last === undefined || !isOpen(last) || last.runs !== heard.run;
}

function stepOf(film: Film | null, { kind, number }: StepRun) {
  return film?.steps.find((step) => step.kind === kind && step.number === number);
}

/** Ends a film that its owner has cancelled: its finished segments are charged. */
export async function cancelFilm(env: Env, job: JobRow): Promise<JobRow> {
  const film = await readFilm(env, job.id);
  if (film === null) return (await jobById(env, job.id)) ?? job;
  const whole = film.steps.find((step) => step.kind === "whole" && step.state === "running");
  const startedAt = whole?.submitted_at ?? null;
  const charge = startedAt === null ? 0 : chargeFor(termsOf(film), Math.max(0, Date.now() - startedAt));
  const after = await endFilm(env, film, { ...CANCELLED, charge: job.started_at === null ? 0 : charge });
  await nudge(env, film.row);
  return after;
}
