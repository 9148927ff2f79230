/** Makes the worker's jobs of a film (docs/jobs.md: plan, segment, assemble), with presigned URLs. */

import { type OrderedJob, OUTPUT_TYPES, suffixOf } from "../ordered_job.ts";
import { outputTarget } from "../output_upload.ts";
import { RULES } from "../price_table.ts";
import type { Env } from "../settings.ts";
import { keyOfBucketUrl, pieceKey, planKey, presignGet, presignPut, previewKey } from "../storage.ts";
import { MARGIN_S, MAX_LINK_S, signTracks, workerInput } from "../worker_input.ts";
import { chargeForFrames } from "./film_price.ts";
import type { Film, StepRow } from "./film_rows.ts";
import { termsOf } from "./film_rows.ts";

/** Returns what a plan is made for: the worker's FilmParams. Equal requests for one upload have equal plans. */
export function planRequest(env: Env, order: OrderedJob, workSec: number): object {
  const { task, params } = order;
  const format = task === "upscale" ? { format: suffixOf(order) } : {};
  return { task, params: withoutSignature(env, params), ...format, work_sec: workSec };
}

/** Returns params in which a `tracks` URL of the bucket has no signature, which differs each time it is signed. */
function withoutSignature(env: Env, params: object): object {
  const { tracks } = params as { tracks?: unknown };
  if (typeof tracks !== "string" || keyOfBucketUrl(env, tracks) === null) return params;
  return { ...params, tracks: tracks.split("?", 1)[0] };
}

/** Returns the key of the piece of a segment, whose plan is known. */
export function keyOfPiece(film: Film, number: number): string {
  return pieceKey(film.job.user_id, film.row.upload_id, film.row.plan_hash ?? "", number);
}

/** Returns how long a step may run, in seconds: its share of the film's time, with the factor of every job. */
export function timeoutOf(film: Film, step: StepRow): number {
  const terms = termsOf(film);
  if (step.kind === "whole") return terms.execution_timeout_s;
  const { overhead_s, timeout_factor, min_timeout_s, max_timeout_s } = RULES;
  const cost = {
    plan: terms.film.plan_cost,
    segment: chargeForFrames(terms, step.first_frame, step.frames),
    // The pieces are downloaded and written again, which takes a part of the time in which they were made.
    assemble: terms.film.assemble_cost + terms.film.frames_cost / 10,
  }[step.kind];
  const seconds = Math.ceil((overhead_s.value + cost / terms.price_per_s) * timeout_factor.value);
  return Math.min(Math.max(seconds, min_timeout_s.value), max_timeout_s.value);
}

/** Returns the `input` of the RunPod job for a step; its URLs work for `lifetimeS` seconds. */
export async function stepInput(env: Env, film: Film, step: StepRow, lifetimeS: number): Promise<object> {
  const expiresS = Math.min(MAX_LINK_S, lifetimeS + MARGIN_S);
  const { job, row } = film;
  const order = {
    task: job.task,
    params: JSON.parse(job.params) as object,
    upload: { object_key: job.input_key },
  };
  const terms = termsOf(film);
  if (step.kind === "whole") {
    return workerInput(env, job.user_id, job.output_key, { ...order, terms }, lifetimeS);
  }
  const input_url = await presignGet(env, job.input_key, expiresS);
  if (step.kind === "plan") {
    const request = JSON.parse(row.request) as { params: object };
    const params = await signTracks(env, job.user_id, request.params, expiresS);
    const contentType = OUTPUT_TYPES.json;
    const output_url = await presignPut(env, planKey(job.user_id, job.id, step.runs), expiresS, {
      contentType,
    });
    return { task: "plan", input_url, output_url, params: { ...request, params } };
  }
  const plan_url = await presignGet(env, row.plan_key ?? "", expiresS);
  const plan_hash = row.plan_hash;
  if (step.kind === "segment") {
    const key = keyOfPiece(film, step.number);
    const contentType = job.task === "track" ? "application/octet-stream" : OUTPUT_TYPES.mp4;
    return {
      task: "segment",
      input_url,
      plan_url,
      piece_url: await presignGet(env, key, expiresS),
      output_url: await presignPut(env, key, expiresS, { contentType, onlyNew: true }),
      params: { plan_hash, number: step.number },
    };
  }
  const segments = film.steps.filter((one) => one.kind === "segment");
  return {
    task: "assemble",
    input_url,
    plan_url,
    piece_urls: await Promise.all(
      segments.map((one) => presignGet(env, keyOfPiece(film, one.number), expiresS)),
    ),
    ...(await outputTarget(env, order, terms, job.output_key, expiresS)),
    preview_url: await presignPut(env, previewKey(job.output_key), expiresS, {
      contentType: OUTPUT_TYPES.json,
    }),
    params: { plan_hash },
  };
}
