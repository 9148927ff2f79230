/** Finds out which part of a video an export takes: its frames, its crop, and the size of its output. */

import { badRequest } from "./errors.ts";
import type { ExportParams } from "./generated/job_validator.js";
import defaults from "./generated/worker_defaults.json" with { type: "json" };
import { RULES } from "./price_table.ts";

export interface Size {
  width: number;
  height: number;
}

export interface Video extends Size {
  frames: number;
  /** In seconds; null if it is not known. */
  durationS: number | null;
  /** Whether the client described the video. */
  isDescribed: boolean;
}

/** A crop may leave the picture by so many pixels, because numbers in JSON are rounded. */
const ROUNDING_PX = 0.002;

/**
 * Returns the frames and the duration of the part to export, as if all frames were evenly spaced.
 *
 * @throws ApiError 400 bad_request: the part is empty, or not in the video.
 */
export function partOf(
  video: Video,
  params: ExportParams,
  assumptions: string[],
): { frames: number; durationS: number | null } {
  const { frames, durationS } = video;
  const start = params.start ?? 0;
  const end = params.end ?? null;
  if (start < 0 || (end !== null && end <= start)) {
    throw badRequest(`params.start and params.end: nothing is from ${start} s to ${end} s`);
  }
  if (start === 0 && end === null) return video;
  if (!video.isDescribed) {
    // The length is only assumed, so the start alone does not tell how much is left.
    const partS = end === null ? (durationS ?? 0) : Math.min(end - start, defaults.max_duration_s);
    return { frames: Math.max(1, Math.round(partS * RULES.assumed_fps.value)), durationS: partS };
  }
  if (durationS === null) {
    assumptions.push("All frames count, because the request does not state how long the video is.");
    return video;
  }
  const last = Math.min(end ?? durationS, durationS);
  if (last <= start) {
    throw badRequest(`params.start: the video lasts ${durationS} s, so nothing is from ${start} s on`);
  }
  const partS = last - start;
  return { frames: Math.max(1, Math.round((frames * partS) / durationS)), durationS: partS };
}

/**
 * Returns the size of the part of the picture to export, rounded up to whole pixels. Of a moving crop that is its
 * largest width and height.
 *
 * @throws ApiError 400 bad_request: the crop is not in the picture.
 */
export function cropOf(video: Video, params: ExportParams): Size {
  const whole = { width: video.width, height: video.height };
  const within = (width: number, height: number) => ({
    width: Math.max(1, Math.min(Math.ceil(width), whole.width)),
    height: Math.max(1, Math.min(Math.ceil(height), whole.height)),
  });
  const { crop, follow } = params;
  if (Array.isArray(crop)) {
    if (crop.length === 0) return whole;
    return within(Math.max(...crop.map((box) => box.w)), Math.max(...crop.map((box) => box.h)));
  }
  if (crop) {
    const { x, y, w, h } = crop;
    const isInside =
      Math.min(x, y) >= -ROUNDING_PX &&
      x + w <= whole.width + ROUNDING_PX &&
      y + h <= whole.height + ROUNDING_PX;
    if (Math.min(w, h) < 1 || (video.isDescribed && !params.clamp && !isInside)) {
      throw badRequest(
        `params.crop: ${x},${y},${w},${h} is not inside the picture of ${whole.width}x${whole.height}`,
      );
    }
    return within(w, h);
  }
  if (!follow) return whole;
  const [across, down] = (follow.aspect ?? "").split(/[:/x]/).map(Number);
  const aspect = across && down && across > 0 && down > 0 ? across / down : whole.width / whole.height;
  // A crop that follows the main subject becomes as large as its shape allows where nobody is in view.
  const zoom = follow.track === "main" ? 1 : Math.max(1, follow.zoom ?? 1);
  return within(
    Math.min(whole.width, whole.height * aspect) / zoom,
    Math.min(whole.height, whole.width / aspect) / zoom,
  );
}

/** Returns the size that the output is requested in, in pixels; undefined if the job gives none. */
export function outputSize(size: ExportParams["size"]): Size | undefined {
  if (!size) return undefined;
  if (typeof size !== "string") return { width: size.w, height: size.h };
  const [width, height] = size.split("x").map(Number);
  return { width: width ?? 1, height: height ?? 1 };
}
