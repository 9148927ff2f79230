/**
 * Computes what a film costs: a long job that several workers make in pieces.
 *
 * A film has a price for each frame, which follows from its quote, so nobody pays for work that was done twice.
 * docs/billing.md explains the rules. Money is in whole micro-dollars.
 */

import { z } from "@hono/zod-openapi";
import { RULES } from "../price_table.ts";

/** A film costs at most this many times what is expected. */
const CAP_FACTOR = 2;
/** The most segments that are planned for, so that the answers about a film stay small. */
const MOST_SEGMENTS = 240;
/** The most work of a segment that a plan can be asked for, in seconds: that of `work_sec` in orchestrator/jobs/film.py. */
const LONGEST_SEGMENT_S = 3600;
/** The length of a preview, in seconds of the worker's plan (`FilmPlan.hardest`). */
const PREVIEW_S = 10;

export const FilmTerms = z
  .object({
    is_preview: z.boolean().openapi({
      description: "Whether the amounts are those of a preview: the plan and the hardest segment.",
    }),
    segments: z.int().openapi({ description: "About how many segments the film has.", example: 40 }),
    workers: z.int().openapi({ description: "How many workers make segments at once." }),
    cold_starts: z.int().openapi({
      description: "How many workers have to start if none is running. Their starts are not paid for.",
    }),
    work_sec: z.int().openapi({ description: "About how many seconds one worker needs for a segment." }),
    frames_cost: z.int().openapi({
      description: "What all frames of the film cost together, in micro-dollars; a segment costs its share.",
    }),
    plan_cost: z.int().openapi({ description: "What the plan costs, in micro-dollars." }),
    assemble_cost: z.int().openapi({
      description: "What assembling the segments costs, in micro-dollars; 0 for a preview.",
    }),
    reused: z.int().openapi({
      description:
        "What a plan and segments would cost that are used again from earlier jobs of this upload with these params, " +
        "such as a preview, in micro-dollars. They are not paid for again, so `expected` is without them.",
    }),
  })
  .openapi("FilmTerms", { description: "The terms of a job that is made in pieces." });
export type FilmTerms = z.infer<typeof FilmTerms>;

/** What the terms of a film follow from. */
interface FilmWork {
  /** The price of a second, in micro-dollars. */
  pricePerS: number;
  /** How long one worker needs for all frames, in seconds. */
  framesS: number;
  /** How long the download of the input takes, in seconds. */
  downloadS: number;
  /** About how many seconds one worker should need for a segment. */
  segmentS: number;
  /** How many workers may run at once. */
  workers: number;
  /** How long the film is shown, in seconds; null if that is not known. */
  durationS: number | null;
  isPreview: boolean;
}

/** The amounts of a film, as the terms of every job have them, and the terms that only films have. */
export interface FilmAmounts {
  expected_s: number;
  expected: number;
  execution_timeout_s: number;
  hold: number;
  ready_in_s: number;
  film: FilmTerms;
}

/** Returns the amounts of a film. */
export function filmAmounts(work: FilmWork): FilmAmounts {
  const { pricePerS, isPreview } = work;
  const framesS = Math.max(1, Math.ceil(work.framesS));
  const workS = segmentTime(work.segmentS, framesS);
  const segments = isPreview ? 1 : Math.max(1, Math.ceil(framesS / workS));
  const workers = Math.min(Math.max(1, work.workers), segments);
  const overheadS = Math.ceil(RULES.overhead_s.value);
  const assembleS = isPreview ? 0 : overheadS + Math.ceil(work.downloadS);
  const madeS = isPreview ? previewS(framesS, work.durationS) : framesS;
  const expectedS = overheadS + madeS + assembleS;
  const timeoutS = Math.min(
    Math.max(expectedS * CAP_FACTOR, RULES.min_timeout_s.value),
    Math.max(expectedS, RULES.max_timeout_s.value),
  );
  const rounds = Math.ceil(segments / workers);
  const coldStartS = Math.ceil(RULES.cold_start_s.value);
  return {
    expected_s: expectedS,
    expected: expectedS * pricePerS,
    execution_timeout_s: timeoutS,
    hold: timeoutS * pricePerS,
    // The plan needs one worker, and the other workers start when it is there.
    ready_in_s:
      coldStartS * (workers > 1 ? 2 : 1) +
      overheadS +
      rounds * (overheadS + Math.ceil(madeS / segments)) +
      assembleS,
    film: {
      is_preview: isPreview,
      segments,
      workers,
      cold_starts: workers,
      work_sec: workS,
      frames_cost: framesS * pricePerS,
      plan_cost: overheadS * pricePerS,
      assemble_cost: assembleS * pricePerS,
      reused: 0,
    },
  };
}

/**
 * Returns how long a worker should need for a segment, in whole seconds: `usualS` or four thirds of it, times a power
 * of two.
 *
 * The steps are coarse so that similar films are planned alike, and fine enough that a film with longer segments has
 * about 160 of them at least: with fewer, many workers wait long for the last one.
 */
function segmentTime(usualS: number, framesS: number): number {
  for (let doubledS = usualS; ; doubledS *= 2) {
    for (const seconds of [doubledS, Math.ceil((doubledS * 4) / 3)]) {
      const isLongest = !(seconds * 1.5 <= LONGEST_SEGMENT_S);
      if (framesS / seconds <= MOST_SEGMENTS || isLongest) return seconds;
    }
  }
}

function previewS(framesS: number, durationS: number | null): number {
  if (durationS === null || durationS <= PREVIEW_S) return framesS;
  return Math.max(1, Math.ceil((framesS * PREVIEW_S) / durationS));
}

/** The terms that the charge of a segment follows from. */
export interface ChargedTerms {
  /** How many frames the quote counts. */
  frames: number;
  film: Pick<FilmTerms, "frames_cost">;
}

/**
 * Returns what the frames from `first` on cost, in micro-dollars: their share of `frames_cost`.
 *
 * The shares of consecutive segments add up to that of all their frames, whatever the boundaries are.
 */
export function chargeForFrames(terms: ChargedTerms, first: number, count: number): number {
  return costUpTo(terms, first + count) - costUpTo(terms, first);
}

function costUpTo(terms: ChargedTerms, frames: number): number {
  // The product may exceed 2^53.
  return Number((BigInt(terms.film.frames_cost) * BigInt(frames)) / BigInt(Math.max(1, terms.frames)));
}

/**
 * Returns what a film costs, in micro-dollars, at most its hold.
 *
 * @param charges the sums of the charges of its finished segments, and of its plan and its assembly.
 * @param end how it ended; a failure by whose fault it was.
 */
export function filmCharge(
  hold: number,
  charges: { segments: number; others: number },
  end: "completed" | "cancelled" | "caller" | "worker",
): number {
  if (end === "worker") return 0;
  return Math.min(hold, charges.segments + (end === "completed" ? charges.others : 0));
}
