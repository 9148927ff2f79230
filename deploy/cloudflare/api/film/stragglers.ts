/**
 * Decides which segments to start a second time, because their workers are much slower than others.
 *
 * The rule and its figures are those of orchestrator/film/stragglers.py, which says where they come from.
 */

import type { StepRow } from "./film_rows.ts";

const SLOW_TIMES = 1.5;
const QUANTILE = 0.75;
const BUDGET = 0.05;
const FEWEST_FINISHED = 4;

/** The part of a step that counts. */
type Timed = Pick<StepRow, "number" | "state" | "frames" | "started_at" | "ran_ms" | "earlier_id">;

/** Returns the segments to start again, the slowest first; none while one waits for a worker. */
export function segmentsToRepeat<T extends Timed>(segments: readonly T[], now: number): T[] {
  const times = segments.flatMap((one) =>
    one.ran_ms === null || one.frames === 0 ? [] : [one.ran_ms / one.frames],
  );
  if (segments.some((one) => one.state === "waiting") || times.length < FEWEST_FINISHED) return [];
  const usualMs = quantile(times, QUANTILE);
  const lateMs = (one: T) => now - (one.started_at ?? now) - SLOW_TIMES * usualMs * one.frames;
  const sum = (some: readonly T[]) => some.reduce((total, one) => total + one.frames, 0);
  let left = BUDGET * sum(segments) - sum(segments.filter((one) => one.earlier_id !== null));
  const slow = segments.filter(
    (one) => one.state === "running" && one.earlier_id === null && lateMs(one) > 0,
  );
  return slow
    .sort((a, b) => lateMs(b) - lateMs(a) || a.number - b.number)
    .filter((one) => {
      if (one.frames > left) return false;
      left -= one.frames;
      return true;
    });
}

/** Returns a quantile of numbers, interpolated linearly, as numpy does. */
function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? 0;
  const above = sorted[Math.ceil(place)] ?? below;
  return below + (above - below) * (place - Math.floor(place));
}
