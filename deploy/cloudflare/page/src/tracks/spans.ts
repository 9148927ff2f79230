/** Tells when a track has boxes, for its row in the timeline. */

import type { FrameTimes } from "../media/frame_times.ts";
import type { Track, TrackDocument } from "./track_document.ts";

/** A part of the video; positions are 0 at the start of its first frame and 1 at the end of its last. */
export interface Span {
  from: number;
  to: number;
}

interface TrackSpans {
  /** From the first box to the last. */
  whole: Span;
  /** Where the track has boxes. */
  boxes: Span[];
  /** Where the detector found it. */
  detected: Span[];
}

export type Axis = Pick<FrameTimes, "timeOf" | "endS" | "count">;

/** The longest gap that is not shown, as a share of the video: it would be narrower than a pixel. */
const FINEST = 1 / 2000;

/** Returns the position where a frame begins. */
export function positionOf(axis: Axis, frame: number): number {
  return frame >= axis.count ? 1 : Math.min(axis.timeOf(frame) / axis.endS, 1);
}

/** Returns the spans of a track. */
export function spansOf(document: TrackDocument, track: Track, axis: Axis): TrackSpans {
  const boxes: Span[] = [];
  const detected: Span[] = [];
  for (let row = track.begin; row < track.end; row++) {
    const frame = document.frameOf[row] ?? 0;
    const span = { from: positionOf(axis, frame), to: positionOf(axis, frame + 1) };
    extend(boxes, span);
    if (document.interpolated[row] === 0) extend(detected, span);
  }
  return { whole: { from: boxes[0]?.from ?? 0, to: boxes.at(-1)?.to ?? 0 }, boxes, detected };
}

function extend(spans: Span[], span: Span): void {
  const last = spans.at(-1);
  if (last !== undefined && span.from - last.to < FINEST) last.to = span.to;
  else spans.push({ ...span });
}
