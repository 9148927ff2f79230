/** Chooses the size of an export that stands in for a source. */

import type { VideoFacts } from "../media/probe.ts";

/** The longer side of a stand-in, in pixels. */
const LONGER_SIDE_PX = 640;

/** Returns a size with the shape of a video and even sides, as encoders need them, such as `640x360`; null if it is that small. */
export function smallSize({ width, height }: Pick<VideoFacts, "width" | "height">): string | null {
  const scale = LONGER_SIDE_PX / Math.max(width, height);
  if (scale >= 1) return null;
  const even = (side: number) => Math.max(2, 2 * Math.round((side * scale) / 2));
  return `${even(width)}x${even(height)}`;
}
