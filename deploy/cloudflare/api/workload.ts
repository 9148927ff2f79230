/**
 * Finds out how much work a job is: which model sees how many frames of which size.
 *
 * It does for the API what orchestrator/pipeline/estimate.py does for `framewright estimate`, but from what the
 * client says of its video. Jobs that the worker would refuse for their size or length are refused here.
 */

import { z } from "@hono/zod-openapi";
import type { CheckedJob } from "./check_job.ts";
import { ApiError } from "./errors.ts";
import { cropOf, outputSize, partOf, type Size, type Video } from "./export_part.ts";
import type { ExportParams, TrackParams } from "./generated/job_validator.js";
import defaults from "./generated/worker_defaults.json" with { type: "json" };
import { type Frames, RULES } from "./price_table.ts";
import type { Env } from "./settings.ts";

export const Source = z
  .strictObject({
    width: z
      .int()
      .min(1)
      .max(1e6)
      .openapi({ description: "The width of the picture as displayed, in pixels." }),
    height: z
      .int()
      .min(1)
      .max(1e6)
      .openapi({ description: "The height of the picture as displayed, in pixels." }),
    frames: z.int().min(1).max(1e9).optional().openapi({ description: "The number of frames." }),
    duration_sec: z
      .number()
      .min(0.001)
      .max(1e7)
      .optional()
      .openapi({ description: "The duration, in seconds." }),
    fps: z.number().min(0.001).max(10_000).optional().openapi({ description: "Frames per second." }),
  })
  .refine(
    (source) =>
      source.frames !== undefined || (source.duration_sec !== undefined && source.fps !== undefined),
    {
      path: ["frames"],
      message: "give frames, or duration_sec and fps",
    },
  )
  .openapi("Source", {
    description: "What the client says of its video: the size, and `frames` or `duration_sec` with `fps`.",
  });
export type Source = z.infer<typeof Source>;

/** A job to quote. */
export type QuotedJob = CheckedJob & {
  /** What the client says of its video; if it is absent, the size of the file decides. */
  source?: Source | undefined;
  /** The size of the input file. */
  bytes: number;
  /** Whether only the hardest part is made, to be looked at before the whole. */
  preview?: boolean | undefined;
};

/** The amount of work in a job. */
export interface Workload extends Frames {
  /** How long these frames are shown, in seconds; null if that is not known. */
  durationS: number | null;
  /** How many times as much work a frame is as its size tells, at least 1; see `enlargementOf`. */
  enlargement: number;
  /** What was assumed to know all this, in full sentences. */
  assumptions: string[];
}

/** The scale of a model that the catalog does not have: that of nearly all models. */
const USUAL_SCALE = 4;
/** The longer side of the pictures that a detector sees which the catalog does not have. */
const USUAL_SIDE_PX = 640;

/** The models that the worker uses where a job names none; an empty one is the worker's own default. */
export type DefaultModels = Pick<Partial<Env>, "UPSCALE_MODEL" | "DETECTOR" | "YOLOV8">;

/**
 * Returns how much work a job is.
 *
 * @throws ApiError 400 `limit_exceeded` or `input_too_large` if the worker would refuse a job of that size.
 * @throws ApiError 400 `bad_request` if the part to export is not in the video.
 */
export function workloadOf(job: QuotedJob, models: DefaultModels = {}): Workload {
  if (job.bytes > defaults.max_input_bytes) {
    throw new ApiError(
      400,
      "input_too_large",
      `the file has ${job.bytes} bytes, and at most ${defaults.max_input_bytes} are taken`,
    );
  }
  const assumptions: string[] = [];
  const video = videoOf(job, assumptions);
  const model = modelOf(job, models, assumptions);
  const part = job.task === "export" ? partOf(video, job.params, assumptions) : video;
  const crop = job.task === "export" ? cropOf(video, job.params) : video;
  checkLength(video, part);
  const enlargement =
    job.task === "track"
      ? detectorEnlargement(model, job.params, assumptions)
      : outputEnlargement(job, video, crop, model, assumptions);
  return {
    task: job.task,
    model,
    frames: part.frames,
    durationS: part.durationS,
    width: crop.width,
    height: crop.height,
    enlargement,
    assumptions,
  };
}

/** Returns the video as the client describes it, or one that fits the size of the file. */
function videoOf({ source, bytes }: QuotedJob, assumptions: string[]): Video {
  if (source === undefined) {
    const { assumed_width, assumed_height, assumed_fps, assumed_bits_per_s } = RULES;
    const durationS = Math.min((bytes * 8) / assumed_bits_per_s.value, defaults.max_duration_s);
    assumptions.push(
      `Nothing is known about the video but the size of its file: ${assumed_width.value}x${assumed_height.value} ` +
        `with ${assumed_fps.value} frames and ${assumed_bits_per_s.value / 1e6} Mbit a second is assumed. ` +
        "A quote with a source is more exact.",
    );
    return {
      width: assumed_width.value,
      height: assumed_height.value,
      frames: Math.max(1, Math.round(durationS * assumed_fps.value)),
      durationS,
      isDescribed: false,
    };
  }
  const { width, height, frames, duration_sec, fps } = source;
  if (width * height > defaults.max_source_px) {
    throw limitExceeded(
      `the video's pictures are ${width}x${height}, and at most ${defaults.max_source_px} pixels are taken; ` +
        "scale it down",
    );
  }
  assumptions.push("The size and the length of the video are as the request states them.");
  const count = frames ?? Math.max(1, Math.round((duration_sec ?? 0) * (fps ?? 0)));
  const durationS = duration_sec ?? (fps === undefined ? null : count / fps);
  return { width, height, frames: count, durationS, isDescribed: true };
}

/** Returns the name of the model that the worker will use; empty for an export without one. */
function modelOf(job: CheckedJob, models: DefaultModels, assumptions: string[]): string {
  if (job.task === "track") {
    const named = job.params.model ?? (models.DETECTOR || defaults.detector);
    if (named !== "yolov8") return named;
    const detector = models.YOLOV8 || defaults.yolov8;
    assumptions.push(`The worker's default model for yolov8 is assumed: ${detector}.`);
    return detector;
  }
  const named = (job.task === "export" ? job.params.upscale_model : job.params.model) ?? null;
  if (job.task === "export" && !(job.params.upscale ?? named !== null)) return "";
  if (named !== null) return named;
  const upscaler = models.UPSCALE_MODEL || defaults.upscale_model;
  assumptions.push(`The job names no model, so the worker's default is assumed: ${upscaler}.`);
  return upscaler;
}

function checkLength(video: Video, part: { frames: number; durationS: number | null }): void {
  if (!video.isDescribed) return;
  if (part.durationS !== null && part.durationS > defaults.max_duration_s) {
    throw limitExceeded(
      `the video lasts ${part.durationS} s, and at most ${defaults.max_duration_s} s are taken; cut it`,
    );
  }
  if (part.frames > defaults.max_frames) {
    throw limitExceeded(`the video has more than ${defaults.max_frames} frames; cut it`);
  }
}

/**
 * Returns the pixels of the output divided by those of the model's own output, at least 1: a known speed holds
 * for the model's own scale, and larger pictures take longer to resize and to encode.
 */
function outputEnlargement(
  job: CheckedJob,
  video: Video,
  crop: Size,
  model: string,
  assumptions: string[],
): number {
  const output = outputOf(job, crop, model);
  const hasSize = job.task === "export" && outputSize(job.params.size) !== undefined;
  if (video.isDescribed || hasSize) checkOutput(output);
  const ownScale = scaleOf(model);
  const enlargement = (output.width * output.height) / (crop.width * crop.height * ownScale ** 2);
  if (enlargement <= 1) return 1;
  assumptions.push(
    `The output has ${enlargement.toFixed(2)} times the pixels for which speeds are known, and takes as many ` +
      "times as long.",
  );
  return enlargement;
}

/**
 * Returns the size of the pictures that an upscale or an export makes, in pixels.
 *
 * @param crop the size of what is taken of each picture of the source.
 * @param model the model; empty for none.
 */
export function outputOf(job: { task: string; params: object }, crop: Size, model: string): Size {
  const params = job.params as { scale?: number | null; size?: ExportParams["size"] };
  const scale = (job.task === "upscale" ? params.scale : null) ?? scaleOf(model);
  const size = job.task === "export" ? outputSize(params.size) : undefined;
  return size ?? { width: Math.round(crop.width * scale), height: Math.round(crop.height * scale) };
}

/** Returns how many times a model enlarges a picture; 1 without a model. */
function scaleOf(model: string): number {
  return model === "" ? 1 : (factOf(defaults.model_scales, model) ?? USUAL_SCALE);
}

/** Returns a fact of the catalog about a model, if the catalog has the model. */
function factOf(facts: Record<string, number>, model: string): number | undefined {
  return Object.hasOwn(facts, model) ? facts[model] : undefined;
}

function checkOutput({ width, height }: Size): void {
  if (width * height > defaults.max_output_px || Math.max(width, height) > defaults.max_side_px) {
    throw limitExceeded(
      `the output would be ${width}x${height}, and at most ${defaults.max_output_px} pixels and ` +
        `${defaults.max_side_px} a side are made; ask for a smaller scale or size`,
    );
  }
}

/** Returns the pixels that the detector sees divided by those that it sees by default, at least 1. */
function detectorEnlargement(model: string, params: TrackParams, assumptions: string[]): number {
  const ownSide = factOf(defaults.detector_sides, model) ?? USUAL_SIDE_PX;
  if ((params.stride ?? 1) > 1) {
    assumptions.push(
      "A stride makes tracking faster, but no speeds are known for it, so every frame counts.",
    );
  }
  const enlargement = ((params.side ?? ownSide) / ownSide) ** 2;
  if (enlargement <= 1) return 1;
  assumptions.push(
    `The detector sees ${enlargement.toFixed(2)} times the pixels that it sees by default, and takes as many times as long.`,
  );
  return enlargement;
}

function limitExceeded(message: string): ApiError {
  return new ApiError(400, "limit_exceeded", message);
}
