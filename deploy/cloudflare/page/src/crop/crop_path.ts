/**
 * Interpolates a moving crop between keyframes, and edits the keyframes.
 *
 * The interpolation is that of orchestrator/framing/keyframes.py: a monotone piecewise cubic (Hyman, SIAM J. Sci.
 * Stat. Comput. 4, 1983), which rests before the first and after the last keyframe. A test compares the two.
 */

import {
  around,
  type Box,
  centreOf,
  largestOfAspect,
  type PictureSize,
  snapped,
  THOUSANDTHS,
} from "./crop_box.ts";

/** The crop at a moment; `t` is in seconds from the start of the source. */
export interface Keyframe extends Box {
  t: number;
}

const FIELDS = ["x", "y", "w", "h"] as const;

/** Returns the crop at a time. It lies in the picture. */
export function cropAt(keyframes: readonly Keyframe[], timeS: number, picture: PictureSize): Box {
  const first = keyframes[0];
  const last = keyframes.at(-1);
  if (first === undefined || last === undefined) throw new RangeError("a path has at least one keyframe");
  if (keyframes.length === 1) return boxOf(first);
  const time = Math.min(Math.max(timeS, first.t), last.t);
  const k = segmentAt(keyframes, time);
  const [from, to] = [keyframes[k] as Keyframe, keyframes[k + 1] as Keyframe];
  const span = to.t - from.t;
  const s = (time - from.t) / span;
  const eased = s * s * (3 - 2 * s);
  const box: Box = { x: 0, y: 0, w: 0, h: 0 };
  for (const field of FIELDS) {
    const [a, b] = [from[field], to[field]];
    const bend =
      s * (1 - s) * span * ((1 - s) * slope(keyframes, k, field) - s * slope(keyframes, k + 1, field));
    // Rounding may carry a curve past its ends by the last digit.
    box[field] = Math.min(Math.max(a + (b - a) * eased + bend, Math.min(a, b)), Math.max(a, b));
  }
  box.x = Math.min(Math.max(box.x, 0), picture.width - box.w);
  box.y = Math.min(Math.max(box.y, 0), picture.height - box.h);
  return box;
}

/** Returns the index of the keyframe that begins the segment of a time; of the last segment for the last keyframe. */
function segmentAt(keyframes: readonly Keyframe[], time: number): number {
  let low = 0;
  let high = keyframes.length - 2;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((keyframes[middle] as Keyframe).t <= time) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Returns the slope of a number at a keyframe: that of a parabola through its neighbours; 0 at ends and extrema. */
function slope(keyframes: readonly Keyframe[], k: number, field: (typeof FIELDS)[number]): number {
  const [before, here, after] = [keyframes[k - 1], keyframes[k], keyframes[k + 1]];
  if (before === undefined || here === undefined || after === undefined) return 0;
  const [spanBefore, spanAfter] = [here.t - before.t, after.t - here.t];
  const stepBefore = (here[field] - before[field]) / spanBefore;
  const stepAfter = (after[field] - here[field]) / spanAfter;
  if (!(stepBefore * stepAfter > 0)) return 0;
  const parabola = (stepBefore * spanAfter + stepAfter * spanBefore) / (spanAfter + spanBefore);
  const most = 3 * Math.min(Math.abs(stepBefore), Math.abs(stepAfter));
  return Math.min(Math.max(parabola, -most), most);
}

function boxOf({ x, y, w, h }: Box): Box {
  return { x, y, w, h };
}

/** Returns a keyframe with its numbers rounded as the worker rounds them: to a microsecond and a thousandth of a pixel. */
function keyframeOf(t: number, { x, y, w, h }: Box): Keyframe {
  const [left, top, wide, high] = [x, y, w, h].map((value) => snapped(value, 0.001));
  return { t: Math.round(t * 1e6) / 1e6, x: left ?? 0, y: top ?? 0, w: wide ?? 0, h: high ?? 0 };
}

/** Returns width : height of a path's crops. */
export function aspectOfPath(keyframes: readonly Keyframe[]): number {
  const first = keyframes[0];
  return first === undefined ? 1 : first.w / first.h;
}

/** Two keyframes of a video with a single frame are so far apart, in seconds. */
const SHORTEST_S = 0.001;

/** The frames of a video, as far as a path needs them; `FrameTimes` of media/frame_times.ts is one. */
export interface Frames {
  count: number;
  timeOf: (frame: number) => number;
  frameAt: (timeS: number) => number;
}

/** Returns the index of the keyframe of a frame; of the last if there are several; -1 if there is none. */
export function keyframeAt(keyframes: readonly Keyframe[], frame: number, frames: Frames): number {
  return keyframes.findLastIndex(({ t }) => t >= -1e-6 && frames.frameAt(t) === frame);
}

/**
 * Returns the indices of the last keyframe of an earlier frame, and of the first one of a later frame; -1 where there is
 * none. Keyframes of the frame itself are passed over, because they show the same picture.
 */
export function neighboursOf(
  keyframes: readonly Keyframe[],
  frame: number,
  frames: Frames,
): { previous: number; next: number } {
  return {
    previous: keyframes.findLastIndex(({ t }) => frames.frameAt(t) < frame),
    next: keyframes.findIndex(({ t }) => frames.frameAt(t) > frame),
  };
}

/**
 * Returns the path with a keyframe at the time of a frame. It replaces those that lie between this frame and the next:
 * the frame shows the crop of its own time, and nothing is shown of the times after it.
 */
export function withKeyframe(
  keyframes: readonly Keyframe[],
  frame: number,
  box: Box,
  frames: Frames,
): Keyframe[] {
  const others = keyframes.filter(({ t }) => t < -1e-6 || frames.frameAt(t) !== frame);
  const path = [...others, keyframeOf(frames.timeOf(frame), box)].sort((a, b) => a.t - b.t);
  // Where the only two keyframes were in one frame, the other one stays, too.
  const other = keyframes.at(-1);
  return path.length >= 2 || other === undefined
    ? path
    : [...path, { ...other, t: (path[0]?.t ?? 0) + SHORTEST_S }];
}

/** Returns the path without a keyframe; a path keeps at least two. */
export function withoutKeyframe(keyframes: readonly Keyframe[], index: number): Keyframe[] {
  return keyframes.length <= 2 ? [...keyframes] : keyframes.filter((_, k) => k !== index);
}

/** Returns the path with a keyframe moved to a frame, but not to or past its neighbours' frames. */
export function withKeyframeMoved(
  keyframes: readonly Keyframe[],
  index: number,
  frame: number,
  frames: Frames,
): Keyframe[] {
  const [before, here, after] = [keyframes[index - 1], keyframes[index], keyframes[index + 1]];
  if (here === undefined) return [...keyframes];
  const first = before === undefined ? 0 : frames.frameAt(before.t) + 1;
  const last = after === undefined ? frames.count - 1 : frames.frameAt(after.t) - 1;
  if (first > last) return [...keyframes];
  const t = frames.timeOf(Math.min(Math.max(frame, first), last));
  return keyframes.map((keyframe, k) => (k === index ? keyframeOf(t, keyframe) : keyframe));
}

/** Returns the path with a keyframe whose crop has its centre elsewhere, as far as the picture allows. */
export function withCentreMoved(
  keyframes: readonly Keyframe[],
  index: number,
  centre: { x: number; y: number },
  picture: PictureSize,
): Keyframe[] {
  return keyframes.map((keyframe, k) =>
    k === index
      ? keyframeOf(keyframe.t, around(centre, keyframe.w, keyframe.h, picture, THOUSANDTHS))
      : keyframe,
  );
}

/** Returns the path with crops of another aspect ratio: each the largest of it that is no wider and no higher. */
export function reshapedPath(
  keyframes: readonly Keyframe[],
  aspect: number,
  picture: PictureSize,
): Keyframe[] {
  const largest = largestOfAspect(aspect, picture);
  const widest = Math.max(...keyframes.map(({ w }) => w));
  return keyframes.map((keyframe) => {
    // The widest keyframe gets the largest crop of the new shape, and the others keep their zoom to it.
    const w = snapped((largest.w * keyframe.w) / widest, 0.001);
    const h = snapped((largest.h * keyframe.w) / widest, 0.001);
    return keyframeOf(keyframe.t, around(centreOf(keyframe), w, h, picture, THOUSANDTHS));
  });
}

/** Returns a new path of two equal keyframes, at the first and at the last frame of a part. */
export function newPath(box: Box, part: { first: number; last: number }, frames: Frames): Keyframe[] {
  const last = Math.min(Math.max(part.last, part.first + 1), frames.count - 1);
  const first = Math.max(Math.min(part.first, last - 1), 0);
  const startS = frames.timeOf(first);
  return [keyframeOf(startS, box), keyframeOf(Math.max(frames.timeOf(last), startS + SHORTEST_S), box)];
}

/** Returns points of the curve that the crop's centre follows, from the first to the last keyframe. */
export function centresOf(
  keyframes: readonly Keyframe[],
  picture: PictureSize,
  pointsPerSegment = 16,
): { x: number; y: number }[] {
  const points: { x: number; y: number }[] = [];
  for (const [k, from] of keyframes.entries()) {
    points.push(centreOf(from));
    const to = keyframes[k + 1];
    // Nothing is drawn between the two keyframes of a jump but a straight line.
    if (to === undefined || to.t - from.t < 0.01) continue;
    for (let point = 1; point < pointsPerSegment; point += 1) {
      const t = from.t + ((to.t - from.t) * point) / pointsPerSegment;
      points.push(centreOf(cropAt(keyframes, t, picture)));
    }
  }
  return points;
}
