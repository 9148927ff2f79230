/** Reads the rows of films and of their steps, and names the steps in webhooks. */

import { type JobRow, selectJob } from "../jobs.ts";
import type { Terms } from "../quote.ts";
import type { Env } from "../settings.ts";
import type { FilmTerms } from "./film_price.ts";

/** A row of the table `films`. */
export interface FilmRow {
  job_id: string;
  upload_id: string;
  request: string;
  is_preview: number;
  instances: number;
  plan_key: string | null;
  plan_hash: string | null;
  plan: string | null;
  ending: string | null;
}

/** A row of the table `film_steps`: one RunPod job of a film, however often it is sent. */
export interface StepRow {
  job_id: string;
  kind: "plan" | "segment" | "assemble" | "whole";
  number: number;
  state: "waiting" | "submitting" | "running" | "done" | "dropped";
  runs: number;
  runpod_id: string | null;
  earlier_id: string | null;
  started_at: number | null;
  ran_ms: number | null;
  submitted_at: number | null;
  polled_at: number;
  progress: string | null;
  done_at: number | null;
  first_frame: number;
  frames: number;
  start_sec: number;
  end_sec: number;
  charge: number | null;
}

/** A film: its job, its row, and its steps in the order of their numbers. */
export interface Film {
  job: JobRow;
  row: FilmRow;
  steps: StepRow[];
}

/** The terms of a job that is made in pieces. */
export type TermsOfFilm = Terms & { film: FilmTerms };

/** Reads a film in one transaction; null if the job is not a film, or no longer one. */
export async function readFilm(env: Env, jobId: string): Promise<Film | null> {
  const [jobs, films, steps] = await env.DB.batch<unknown>([
    selectJob(env, jobId),
    env.DB.prepare("SELECT * FROM films WHERE job_id = ?").bind(jobId),
    env.DB.prepare("SELECT * FROM film_steps WHERE job_id = ? ORDER BY kind, number").bind(jobId),
  ]);
  const job = jobs?.results[0] as JobRow | undefined;
  const row = films?.results[0] as FilmRow | undefined;
  if (job === undefined || row === undefined || job.is_film === 0) return null;
  return { job, row, steps: (steps?.results ?? []) as StepRow[] };
}

export function termsOf(film: Film): TermsOfFilm {
  return JSON.parse(film.job.terms) as TermsOfFilm;
}

/** Returns whether RunPod may be working on a step. */
export function isOpen(step: StepRow): boolean {
  return step.state === "submitting" || step.state === "running";
}

/** Returns the condition that selects a step in SQL, and its values. */
export const STEP = "job_id = ? AND kind = ? AND number = ?";
export const keyOf = (step: Pick<StepRow, "job_id" | "kind" | "number">) => [
  step.job_id,
  step.kind,
  step.number,
];

/** A run of a step, as the address of its webhook names it. */
export interface StepRun extends Pick<StepRow, "job_id" | "kind" | "number"> {
  run: number;
}

/** Returns the name of a run of a step, such as `job_....segment.5.1`: the MAC of its webhook is made of it. */
export function runName({ job_id, kind, number, run }: StepRun): string {
  return `${job_id}.${kind}.${number}.${run}`;
}

/** Returns the run that a name means; null if it names none. */
export function runOfName(name: string): StepRun | null {
  const parts = /^(job_[0-9a-f]{32})\.(plan|segment|assemble|whole)\.([0-9]{1,4})\.([0-9]{1,4})$/.exec(name);
  if (parts === null) return null;
  const [, job_id = "", kind, number, run] = parts;
  return { job_id, kind: kind as StepRow["kind"], number: Number(number), run: Number(run) };
}
