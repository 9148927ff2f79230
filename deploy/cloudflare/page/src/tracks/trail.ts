/** Finds the recent path of a track: where the middle of its box's lower edge was. */

import type { FrameTimes } from "../media/frame_times.ts";
import { boxOf, type TrackDocument } from "./track_document.ts";

/** How far a trail reaches back, in seconds; the worker's overlay has the same. */
export const TRAIL_S = 1.5;
/** The most points of a trail; more could not be told apart. */
const MOST_POINTS = 48;

export interface Point {
  x: number;
  y: number;
}

/** Returns the path of a row's track up to that row, the oldest point first, in pixels of the picture. */
export function trailOf(document: TrackDocument, row: number, times: Pick<FrameTimes, "timeOf">): Point[] {
  const timeOf = (one: number) => times.timeOf(document.frameOf[one] ?? 0);
  // A microsecond is less than any frame lasts.
  const oldestS = timeOf(row) - TRAIL_S - 1e-6;
  const begin = document.tracks[document.trackOf[row] ?? 0]?.begin ?? row;
  let first = row;
  while (first > begin && timeOf(first - 1) >= oldestS) first--;
  const every = Math.ceil((row - first + 1) / MOST_POINTS);
  const points: Point[] = [];
  for (let one = row; one >= first; one -= every) points.push(pointOf(document, one));
  return points.reverse();
}

function pointOf(document: TrackDocument, row: number): Point {
  const { x, y, width, height } = boxOf(document, row);
  return { x: Math.round(100 * (x + width / 2)) / 100, y: Math.round(100 * (y + height)) / 100 };
}
