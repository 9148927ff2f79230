/** Reads from the result of an export whom its crop followed when, and why. */

import type { Job } from "../api/client.ts";

/** A time in which the crop followed somebody, or nobody. */
export interface Stretch {
  /** In seconds from the start of the source. */
  startS: number;
  endS: number;
  /** The class and the id of the track, such as `person 3`; null where nobody was in view. */
  whom: string | null;
  /** The ids of those who were kept in the crop as well. */
  beside: number[];
  reason: string;
}

/** Later moments are not those of a video. */
const LATEST_S = 1e8;

/** Returns the stretches; none if the crop followed nobody. They come from a worker: what is no stretch is left out. */
export function stretchesOf(job: Pick<Job, "result"> | undefined): Stretch[] {
  const { followed } = (job?.result ?? {}) as { followed?: unknown };
  return Array.isArray(followed) ? followed.flatMap(stretchIn) : [];
}

function stretchIn(value: unknown): Stretch[] {
  if (typeof value !== "object" || value === null) return [];
  const { start, end, track, class_name, beside, reason } = value as Record<string, unknown>;
  if (!isMoment(start) || !isMoment(end) || typeof reason !== "string") return [];
  const name = typeof class_name === "string" ? class_name : "track";
  return [
    {
      startS: start,
      endS: end,
      whom: Number.isSafeInteger(track) ? `${name} ${track}` : null,
      beside: Array.isArray(beside) ? beside.filter((id) => Number.isSafeInteger(id)) : [],
      reason,
    },
  ];
}

function isMoment(value: unknown): value is number {
  return typeof value === "number" && Math.abs(value) <= LATEST_S;
}
