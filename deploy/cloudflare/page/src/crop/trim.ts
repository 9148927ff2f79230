/**
 * Converts between the frames of a part of a video and the times that an export takes.
 *
 * `startsS` holds the presentation time of each frame, in seconds from the first, rising by more than a millisecond.
 */

/** A part of a video: its first and its last frame, from 0. */
export interface Part {
  first: number;
  last: number;
}

/** A frame of which no more is inside is not exported, in seconds: ROUNDING_S in orchestrator/media/time_range.py. */
const ROUNDING_S = 0.001;

/**
 * Returns the `start` and the `end` with which exactly the frames of a part are exported; null at either end of the
 * video.
 *
 * An export takes the frames that are visible for more than a millisecond between start and end. So it starts when the
 * first frame appears, and ends when the frame after the last one does.
 */
export function timesOf(
  { first, last }: Part,
  startsS: ArrayLike<number>,
): { start: number | null; end: number | null } {
  return {
    start: first <= 0 ? null : microseconds(startsS[first]),
    end: last >= startsS.length - 1 ? null : microseconds(startsS[last + 1]),
  };
}

function microseconds(timeS: number | undefined): number | null {
  return timeS === undefined ? null : Math.round(timeS * 1e6) / 1e6;
}

/** Returns the part that a `start` and an `end` take; at least one frame. */
export function partOf(
  start: number | null | undefined,
  end: number | null | undefined,
  startsS: ArrayLike<number>,
): Part {
  const rounding = start != null && end != null ? Math.min(ROUNDING_S, (end - start) / 4) : ROUNDING_S;
  // The frame that is visible at the start, and the last one that appears before the end.
  const first = start == null ? 0 : countOf(startsS, (timeS) => timeS <= start + rounding) - 1;
  const last = end == null ? startsS.length - 1 : countOf(startsS, (timeS) => timeS < end - rounding) - 1;
  return { first: Math.max(first, 0), last: Math.max(last, first, 0) };
}

/** Returns of how many frames something is true, which is true of the first ones. */
function countOf(startsS: ArrayLike<number>, isTrue: (timeS: number) => boolean): number {
  let low = 0;
  let high = startsS.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isTrue(startsS[middle] as number)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Returns a part with another first frame, at most its last. */
export function withFirst(part: Part, frame: number): Part {
  return { first: Math.min(Math.max(Math.round(frame), 0), part.last), last: part.last };
}

/** Returns a part with another last frame, at least its first. */
export function withLast(part: Part, frame: number, count: number): Part {
  return { first: part.first, last: Math.max(Math.min(Math.round(frame), count - 1), part.first) };
}
