/** Shows a film: its progress, and the parts of it that can be watched. */

import { type JobRow, type Progress, stemOf } from "../jobs.ts";
import type { Env } from "../settings.ts";
import { presignGet } from "../storage.ts";
import { type Film, isOpen, readFilm, type StepRow, termsOf } from "./film_rows.ts";
import type { FilmStatus } from "./film_schema.ts";
import { keyOfPiece } from "./step_job.ts";

/** Returns the state of a film's segments with links to those that are done; null if the job has none. */
export async function filmStatus(env: Env, job: JobRow, linkS: number): Promise<FilmStatus | null> {
  const film = job.is_film === 1 ? await readFilm(env, job.id) : null;
  if (film === null || film.steps.some((step) => step.kind === "whole")) return null;
  const segments = segmentsOf(film);
  const done = segments.filter((step) => step.state === "done");
  const shown = job.task === "track" ? [] : done;
  return {
    segments: segments.length,
    done: done.length,
    running: segments.filter(isOpen).length,
    pieces: await Promise.all(
      shown.map(async ({ number, start_sec, end_sec }) => ({
        number,
        start_sec,
        end_sec,
        url: await presignGet(env, keyOfPiece(film, number), linkS, {
          contentType: "video/mp4",
          downloadName: `${stemOf(job)}-${job.task}-part-${number + 1}.mp4`,
        }),
      })),
    ),
  };
}

/** Returns an extended M3U of pieces, for players such as VLC and mpv. */
export function playlistOf(pieces: FilmStatus["pieces"]): string {
  const lines = pieces.flatMap(({ number, start_sec, end_sec, url }) => [
    `#EXTINF:${(end_sec - start_sec).toFixed(3)},Part ${number + 1}`,
    url,
  ]);
  return `${["#EXTM3U", ...lines].join("\n")}\n`;
}

/** Returns how far a film is, from its segments: those that are done and the progress of those that run. */
export function progressOfFilm(film: Film, now: number): Progress {
  const segments = segmentsOf(film);
  const whole = film.steps.find((step) => step.kind === "whole");
  if (whole !== undefined) return { ...UNKNOWN, stage: "starting", ...updateOf(whole) };
  if (segments.length === 0) return { ...UNKNOWN, stage: "planning" };
  const total = segments.reduce((sum, step) => sum + step.frames, 0);
  const frames = segments.reduce((sum, step) => sum + madeFrames(step), 0);
  if (segments.every((step) => step.state === "done")) return assembling(film, total);
  const started = segments.flatMap((step) => (step.submitted_at === null ? [] : [step.submitted_at]));
  const elapsedS = started.length === 0 ? 0 : (now - Math.min(...started)) / 1000;
  const { task } = film.job;
  return {
    stage: task === "upscale" ? "upscaling" : task === "export" ? "exporting" : "tracking",
    percent: Math.floor((1000 * frames) / Math.max(1, total)) / 10,
    eta_s: remainingS(film, frames / Math.max(1, total), elapsedS),
    frames,
    total,
    fps: elapsedS > 0 && frames > 0 ? Math.round((100 * frames) / elapsedS) / 100 : null,
  };
}

const UNKNOWN: Omit<Progress, "stage"> = { percent: null, eta_s: null, frames: null, total: null, fps: null };

function segmentsOf(film: Film): StepRow[] {
  return film.steps.filter((step) => step.kind === "segment");
}

function assembling(film: Film, total: number): Progress {
  const step = film.steps.find((one) => one.kind === "assemble");
  const update = step === undefined ? {} : updateOf(step);
  return { ...UNKNOWN, total, ...update, stage: "assembling" };
}

/** Returns how many frames of a segment are made. */
function madeFrames(step: StepRow): number {
  if (step.state === "done") return step.frames;
  return Math.min(step.frames, Math.floor(updateOf(step).frames ?? 0));
}

/** Returns the known fields of the worker's last update about a step. */
function updateOf(step: StepRow): Partial<Progress> {
  if (step.progress === null || !isOpen(step)) return {};
  try {
    const update = JSON.parse(step.progress) as Record<string, unknown>;
    const numbers = ["percent", "eta_s", "frames", "total", "fps"].filter(
      (name) => typeof update[name] === "number" && Number.isFinite(update[name]),
    );
    const stage = typeof update.stage === "string" ? { stage: update.stage.slice(0, 40) } : {};
    return { ...stage, ...Object.fromEntries(numbers.map((name) => [name, update[name]])) };
  } catch {
    return {};
  }
}

/** Once this share of the frames is made, the speed so far says how long the rest takes. */
const KNOWN_FROM = 0.05;

/** Returns how long the film still takes, in seconds: at the speed so far, or as quoted before that is known. */
function remainingS(film: Film, share: number, elapsedS: number): number {
  const terms = termsOf(film);
  const assembleS = terms.film.assemble_cost / terms.price_per_s;
  if (share < KNOWN_FROM) return Math.max(assembleS, Math.ceil(terms.ready_in_s - elapsedS));
  return Math.ceil((elapsedS * (1 - share)) / share + assembleS);
}
