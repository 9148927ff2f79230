/** Estimates the size of an export's output, in pixels, and says what limits it. */

import defaults from "../../../api/generated/worker_defaults.json" with { type: "json" };
import { scaleOf as modelScaleOf } from "../order/models.ts";
import type { ExportParams } from "../state/client_state.ts";
import { parsedAspect } from "./aspect_presets.ts";
import { largestOfAspect, type PictureSize, roundedHalfToEven } from "./crop_box.ts";

/** The zoom of a crop that could not move otherwise, as in orchestrator/framing/follow.py. */
const ROOM_TO_MOVE = 2;

/** Returns the largest width and height of the part of the picture that an order takes. */
export function cropSize(params: Partial<ExportParams>, picture: PictureSize): PictureSize {
  const { crop, follow } = params;
  if (Array.isArray(crop)) {
    return { width: Math.max(...crop.map(({ w }) => w)), height: Math.max(...crop.map(({ h }) => h)) };
  }
  if (crop) return { width: crop.w, height: crop.h };
  if (!follow) return picture;
  const aspect = parsedAspect(follow.aspect) ?? picture.width / picture.height;
  const size = largestOfAspect(
    aspect,
    picture,
    follow.zoom ?? (cannotMove(aspect, picture) ? ROOM_TO_MOVE : 1),
  );
  return { width: size.w, height: size.h };
}

/** Returns whether the largest crop of an aspect ratio is the whole picture. */
function cannotMove(aspect: number, picture: PictureSize): boolean {
  const largest = largestOfAspect(aspect, picture);
  return largest.w >= picture.width - 1 && largest.h >= picture.height - 1;
}

/** How the size of an output is to that of `outputSizeOf`. */
export type SizeBound = "exactly" | "at least" | "at most" | "about";

/**
 * Returns how the output's size is to that of `outputSizeOf`. Where a crop follows somebody and no size is asked for,
 * the worker decides: it becomes larger where nobody is in view or heads are close, and smaller to keep heads clear of
 * captions (orchestrator/framing/follow.py, widening.py).
 */
export function sizeBoundOf(params: Partial<ExportParams>, picture: PictureSize): SizeBound {
  const { follow, size } = params;
  if (!follow || size != null) return "exactly";
  const aspect = parsedAspect(follow.aspect) ?? picture.width / picture.height;
  const isAutomatic = follow.zoom == null;
  const widest = largestOfAspect(aspect, picture);
  const canWiden = follow.track === "main" && cropSize(params, picture).width < widest.w;
  const isSmaller = isAutomatic && Object.values(follow.safe ?? {}).some((share) => Number(share) > 0);
  const isLarger = canWiden || (isAutomatic && cannotMove(aspect, picture));
  if (isSmaller) return isLarger ? "about" : "at most";
  return isLarger ? "at least" : "exactly";
}

/** Returns the factor by which a model enlarges the crop; 1 without a model. */
export function scaleOf(params: Partial<ExportParams>): number {
  const wantsModel = params.upscale ?? params.upscale_model != null;
  return wantsModel ? modelScaleOf({ model: params.upscale_model ?? null }) : 1;
}

/** Returns the size of the output: the one that is asked for, or that of the crop times the model's scale. */
export function outputSizeOf(params: Partial<ExportParams>, picture: PictureSize): PictureSize {
  if (typeof params.size === "string") {
    const [width = 1, height = 1] = params.size.split("x").map(Number);
    return { width, height };
  }
  if (params.size) return { width: params.size.w, height: params.size.h };
  const { width, height } = cropSize(params, picture);
  const scale = scaleOf(params);
  return {
    width: Math.max(1, roundedHalfToEven(width * scale)),
    height: Math.max(1, roundedHalfToEven(height * scale)),
  };
}

/** Returns whether an output of this size is refused. */
export function isTooLarge({ width, height }: PictureSize): boolean {
  return width * height > defaults.max_output_px || Math.max(width, height) > defaults.max_side_px;
}
