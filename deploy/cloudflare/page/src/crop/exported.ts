/** Reads from a completed export, or from a preview of one, which part of its source it has taken. */

import type { Job } from "../api/client.ts";
import { partOfPreview } from "../film/parts.ts";
import type { Box, PictureSize } from "./crop_box.ts";
import type { Keyframe } from "./crop_path.ts";
import type { Params } from "./export_order.ts";

/** What an export has taken of its source. */
export interface Exported {
  /** The crop, or its path if it moved; null if that is not known. */
  crop: Box | Keyframe[] | null;
  /** When the part begins and ends, in seconds from the start of the source; null at either end of it. */
  start: number | null;
  end: number | null;
  format: string;
  /** The size of the output; null if it is not known. */
  size: PictureSize | null;
  /** Frames and seconds of the output; null if they are not known. */
  frames: number | null;
  durationS: number | null;
}

/** Returns what a completed export has taken. The result comes from a worker, so nothing in it is taken for granted. */
export function exportedOf(job: Pick<Job, "params" | "result" | "film" | "quote">): Exported {
  const params = job.params as Params;
  const part = partOfPreview(job);
  const { keyframes, stats } = (job.result ?? {}) as { keyframes?: unknown; stats?: unknown };
  const { crop, width, height, frames, duration_sec } = (stats ?? {}) as Record<string, unknown>;
  return {
    crop: pathIn(keyframes) ?? pathIn(params.crop) ?? boxIn(crop),
    start: part === null ? (params.start ?? null) : (params.start ?? 0) + part.start_sec,
    end: part === null ? (params.end ?? null) : (params.start ?? 0) + part.end_sec,
    format: params.format ?? "mp4",
    size: isPositive(width) && isPositive(height) ? { width, height } : null,
    frames: isPositive(frames) ? frames : null,
    durationS: isPositive(duration_sec) ? duration_sec : part === null ? null : part.end_sec - part.start_sec,
  };
}

function isPositive(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}

/** Whether a value is a number that a drawing can have: sums of larger ones are not finite. */
function isDrawable(value: unknown): value is number {
  return typeof value === "number" && Math.abs(value) <= 1e9;
}

/** Returns keyframes if a value is a list of them; else null. */
function pathIn(value: unknown): Keyframe[] | null {
  if (!Array.isArray(value) || value.length < 2) return null;
  const isKeyframe = (entry: Record<string, unknown> | null) =>
    entry !== null && ["t", "x", "y", "w", "h"].every((name) => isDrawable(entry[name]));
  return value.every(isKeyframe) ? (value as Keyframe[]) : null;
}

/** Returns a box if a value is [x, y, w, h]; else null. */
function boxIn(value: unknown): Box | null {
  if (!Array.isArray(value) || value.length !== 4 || !value.every(isDrawable)) return null;
  const [x, y, w, h] = value as [number, number, number, number];
  return w > 0 && h > 0 ? { x, y, w, h } : null;
}
