/** Lists the aspect ratios and the output sizes that can be chosen, and finds out which of them a box has. */

import type { Box, PictureSize } from "./crop_box.ts";

/** Aspect ratios as the API takes them, width : height; `free` and `source` are added by `aspectOf`. */
export const ASPECTS = ["16:9", "9:16", "1:1", "4:5", "4:3"] as const;
export const SHAPES = ["free", "source", ...ASPECTS] as const;
export type Shape = (typeof SHAPES)[number];

/** Two aspect ratios that differ by no more count as one, as in orchestrator/framing/keyframes.py. */
export const ASPECT_TOLERANCE = 0.01;

/** Returns width : height of a text such as `9:16`; null if it is none. */
export function parsedAspect(text: string | null | undefined): number | null {
  const [across = 0, down = 0] = (text ?? "").split(/[:/x]/).map(Number);
  return across > 0 && down > 0 ? across / down : null;
}

/** Returns width : height of a shape, which is null for a free one. */
export function aspectOf(shape: Shape, picture: PictureSize): number | null {
  if (shape === "free") return null;
  return shape === "source" ? picture.width / picture.height : parsedAspect(shape);
}

/** Returns the shape that a box has to within its rounding to even sides; `free` if it has none. */
export function shapeOf(box: Box, picture: PictureSize): Shape {
  const found = SHAPES.find((shape) => {
    const aspect = aspectOf(shape, picture);
    if (aspect === null) return false;
    return Math.abs(box.w / aspect - box.h) <= 1 || Math.abs(box.h * aspect - box.w) <= 1;
  });
  return found ?? "free";
}

/** The sizes that are offered for an output, as `1080x1920`. */
const SIZES = [
  "3840x2160",
  "1920x1080",
  "1280x720",
  "2160x3840",
  "1080x1920",
  "720x1280",
  "2160x2160",
  "1080x1080",
  "720x720",
  "1080x1350",
  "864x1080",
  "1440x1080",
  "960x720",
] as const;

/** Returns the sizes whose aspect ratio is that of a crop, to within ASPECT_TOLERANCE; the largest first. */
export function sizesOfAspect(aspect: number): string[] {
  return SIZES.filter((size) => Math.abs((parsedAspect(size) ?? 0) / aspect - 1) <= ASPECT_TOLERANCE);
}
