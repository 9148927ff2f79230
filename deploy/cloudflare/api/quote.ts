/**
 * Computes what a job costs: the price of a second, the expected price, the hold, and the charge of a run.
 *
 * orchestrator/cost/quote.py computes the same numbers; tests/cost/quote_vectors.json holds both to them.
 * docs/billing.md explains the rules. Money is in whole micro-dollars.
 */

import { z } from "@hono/zod-openapi";
import { ApiError } from "./errors.ts";
import { type FilmAmounts, FilmTerms, filmAmounts } from "./film/film_price.ts";
import {
  type Frames,
  fallbackSpeed,
  gpuName,
  highestPrice,
  knownPrice,
  knownSpeed,
  type Price,
  RULES,
  type Speed,
  secondsFor,
  type TimeRatio,
} from "./price_table.ts";
import type { Env } from "./settings.ts";
import { type DefaultModels, type QuotedJob, type Workload, workloadOf } from "./workload.ts";

export { type QuotedJob, Source } from "./workload.ts";

export const Terms = z
  .object({
    gpu: z.string().openapi({ description: "The GPU that the job runs on.", example: "A40" }),
    model: z.string().nullable().openapi({ description: "The model; null for an export without one." }),
    frames: z.int().openapi({ description: "The number of frames that the quote counts." }),
    width: z
      .int()
      .openapi({ description: "The width of these frames, in pixels; of the crop, if there is one." }),
    height: z.int().openapi({ description: "The height of these frames, in pixels." }),
    price_per_s: z.int().openapi({ description: "The price of a second, in micro-dollars.", example: 325 }),
    expected_s: z.int().openapi({ description: "How long the run is expected to take, in seconds." }),
    expected: z.int().openapi({ description: "What the job is expected to cost, in micro-dollars." }),
    execution_timeout_s: z.int().openapi({ description: "The longest that the job may run, in seconds." }),
    hold: z.int().openapi({
      description:
        "The most that the job can cost, in micro-dollars: `execution_timeout_s` times `price_per_s`. " +
        "It is held while the job runs.",
    }),
    cold_start_s: z.int().openapi({
      description: "How long a worker takes to start if none is running, in seconds. It is not paid for.",
    }),
    ready_in_s: z.int().openapi({
      description:
        "When the result is expected, in seconds after the start: `expected_s` plus `cold_start_s`.",
    }),
    film: FilmTerms.nullable().openapi({
      description: "How the job is made in pieces by several workers; null for a job of one worker.",
    }),
    is_speed_known: z
      .boolean()
      .openapi({ description: "Whether the speed is known, or a fallback is used." }),
    is_price_known: z
      .boolean()
      .openapi({ description: "Whether the GPU's price is known, or a fallback is used." }),
    figures_from: z
      .string()
      .openapi({ description: "Where the speed comes from, as a clause of a sentence." }),
    assumptions: z.array(z.string()).openapi({ description: "What the quote assumes, in full sentences." }),
  })
  .openapi("Terms");
export type Terms = z.infer<typeof Terms>;

/** The settings that terms depend on. */
type TermsEnv = Pick<Env, "GPU"> &
  Partial<Pick<Env, "FILM_SECONDS" | "SEGMENT_SECONDS" | "WORKERS">> &
  DefaultModels;

/** The part of the terms that money depends on. */
type Amounts = Pick<
  Terms,
  "price_per_s" | "expected_s" | "expected" | "execution_timeout_s" | "hold" | "cold_start_s" | "ready_in_s"
>;

/** Frames, and how many times as much work each is as its size tells. */
type QuotedWork = Frames & Pick<Workload, "enlargement">;

/** The rows of the table that a quote comes from, and its amounts. */
interface Figures {
  /** How long one worker needs for all frames, in seconds. */
  framesS: number;
  gpu: string;
  speed: Pick<Speed, "width" | "height" | "fps" | "origin">;
  /** The known speed, and how it relates to this model and this GPU; undefined if `speed` is a fallback. */
  known: { speed: Speed; relations: TimeRatio[] } | undefined;
  price: Price;
  isPriceKnown: boolean;
  amounts: Amounts;
}

/**
 * Returns the terms of a job.
 *
 * @throws ApiError 400 if the worker would refuse the job, or it would take longer than a run may take.
 */
export function termsFor(env: TermsEnv, job: QuotedJob): Terms {
  const work = workloadOf(job, env);
  const figures = figuresFor(env.GPU, work, job.bytes);
  const { gpu, known } = figures;
  const isFilm = job.preview === true || isLong(env, job, figures);
  const { film, ...amounts } = {
    ...figures.amounts,
    film: null,
    ...(isFilm && filmOf(env, job, work, figures)),
  };
  return {
    gpu,
    model: work.model || null,
    frames: work.frames,
    width: work.width,
    height: work.height,
    ...amounts,
    film,
    is_speed_known: known !== undefined,
    is_price_known: figures.isPriceKnown,
    figures_from: figures.speed.origin,
    assumptions: [
      aboutPrice(figures),
      ...(known === undefined ? [aboutFallback(work, figures)] : aboutSpeed(known)),
      ...work.assumptions,
      ...(film === null ? [] : aboutFilm(film)),
      `Loading the model, checking and uploading take ${RULES.overhead_s.value} s, and the download of the input ` +
        `has ${RULES.download_bytes_per_s.value / 1e6} MB a second.`,
      `A worker takes ${amounts.cold_start_s} s to start if none is running, which is not paid for; ` +
        "a job that waits for others starts later.",
    ],
  };
}

/**
 * Returns the figures for a workload on a GPU. What the table does not have gets a fallback.
 *
 * @throws ApiError 400 `limit_exceeded`: it would take longer than a run may take.
 */
export function figuresFor(gpuOfEndpoint: string, work: QuotedWork, inputBytes: number): Figures {
  const gpu = gpuName(gpuOfEndpoint);
  const known = knownSpeed(work, gpu);
  const speed = known?.speed ?? fallbackSpeed(work, gpu);
  const tablePrice = knownPrice(gpu);
  const price = tablePrice ?? highestPrice();
  const framesS = secondsFor(work, speed, known?.relations ?? []) * work.enlargement;
  const amounts = amountsFor(framesS, inputBytes, price.price_per_s);
  return { framesS, gpu, speed, known, price, isPriceKnown: tablePrice !== undefined, amounts };
}

/** Returns whether a job is long enough to be made in pieces. A GIF is not, because its colours are chosen at the end. */
function isLong(env: TermsEnv, job: QuotedJob, { amounts }: Figures): boolean {
  const filmS = Number(env.FILM_SECONDS || "Infinity");
  const isGif = job.task === "export" && job.params.format === "gif";
  return !isGif && amounts.expected_s > filmS;
}

function filmOf(env: TermsEnv, job: QuotedJob, work: Workload, figures: Figures): FilmAmounts {
  return filmAmounts({
    pricePerS: figures.price.price_per_s,
    framesS: figures.framesS,
    downloadS: job.bytes / RULES.download_bytes_per_s.value,
    segmentS: Number(env.SEGMENT_SECONDS || "30"),
    workers: Number(env.WORKERS || "1"),
    durationS: work.durationS,
    isPreview: job.preview === true,
  });
}

function aboutFilm(film: FilmTerms): string[] {
  if (film.is_preview) {
    return [
      "A preview is the hardest ten seconds, or a little more, because a segment begins at a keyframe.",
    ];
  }
  return [
    `The video is made in about ${film.segments} parts, by ${film.workers} workers at once if no other job runs; ` +
      `each part takes about ${film.work_sec} s.`,
    "Each frame has its price, however often it has to be made; a video with more frames than the quote counts " +
      "costs more, but never more than the hold.",
  ];
}

/** Returns the amounts for frames that take `framesS` seconds. The order of operations is that of Python. */
function amountsFor(framesS: number, inputBytes: number, pricePerS: number): Amounts {
  const downloadS = inputBytes / RULES.download_bytes_per_s.value;
  const expectedS = Math.ceil(RULES.overhead_s.value + downloadS + framesS);
  const maxS = RULES.max_timeout_s.value;
  if (!(expectedS <= maxS)) {
    throw new ApiError(
      400,
      "limit_exceeded",
      `the job would take about ${expectedS} s, and at most ${maxS} s are allowed: send a shorter or smaller part`,
    );
  }
  const longS = Math.ceil(expectedS * RULES.timeout_factor.value);
  const timeoutS = Math.floor(Math.min(Math.max(longS, RULES.min_timeout_s.value), maxS));
  const coldStartS = Math.ceil(RULES.cold_start_s.value);
  return {
    price_per_s: pricePerS,
    expected_s: expectedS,
    expected: expectedS * pricePerS,
    execution_timeout_s: timeoutS,
    hold: timeoutS * pricePerS,
    cold_start_s: coldStartS,
    ready_in_s: expectedS + coldStartS,
  };
}

/**
 * Returns what a run is charged, in micro-dollars: its time in milliseconds times the price, rounded up, at
 * least 0 and at most the hold.
 *
 * If RunPod states no time, or one that is not a number from 0 up, the expected price is charged (docs/billing.md).
 *
 * @param executionMs RunPod's `executionTime`, unchecked.
 */
export function chargeFor(
  terms: Pick<Terms, "price_per_s" | "expected" | "hold">,
  executionMs: unknown,
): number {
  if (typeof executionMs !== "number" || !(executionMs >= 0)) {
    return Math.min(terms.hold, terms.expected);
  }
  // A product that is at most 1000 holds is a whole number far below 2^53, so the division rounds nothing away.
  return Math.min(terms.hold, Math.ceil((Math.ceil(executionMs) * terms.price_per_s) / 1000));
}

function aboutPrice({ gpu, price, isPriceKnown }: Figures): string {
  const second =
    `${price.price_per_s} micro-dollars a second, which is $${price.dollars_per_s} (${price.origin}) times ` +
    `${RULES.price_margin.value} for what RunPod bills beside the run`;
  return isPriceKnown
    ? `The job runs on ${gpu}, for ${second}.`
    : `The job runs on ${gpu}, whose price is not known, so the highest of the table counts: that of ${price.gpu}, ${second}.`;
}

function aboutSpeed({ speed, relations }: { speed: Speed; relations: TimeRatio[] }): string[] {
  return [
    `The speed is ${speed.fps} frames a second of ${speed.width}x${speed.height} with ` +
      `${speed.model || "no model"} on ${speed.gpu}, ${speed.origin}.`,
    ...relations.map((row) => `${row.name} takes ${row.times} times as long as ${row.like}, ${row.origin}.`),
  ];
}

function aboutFallback(work: Frames, { gpu, speed }: Figures): string {
  return (
    `No speed is known for ${work.task} with ${work.model || "no model"} on ${gpu}: ` +
    `${speed.fps} frames a second of ${speed.width}x${speed.height} are assumed, ${speed.origin}.`
  );
}
