/** Keeps the parts of a film that can be watched, and says which one is played next. */

import type { Job } from "../api/client.ts";

/** A part of a film: a segment that is done. */
export interface Part {
  /** The number of the segment, from 0. */
  number: number;
  start_sec: number;
  end_sec: number;
  /** Its video. */
  url: string;
}

/**
 * Returns the parts as they are now, with the links that were there first: a link differs in each answer of the API, and
 * a player that gets another one starts anew.
 */
export function withFirstLinks(known: readonly Part[], now: readonly Part[]): Part[] {
  const links = new Map(known.map((part) => [part.number, part.url]));
  return now.map((part) => ({ ...part, url: links.get(part.number) ?? part.url }));
}

/** Returns the part that follows another in the film, of those that are done; undefined if there is none yet. */
export function partAfter(parts: readonly Part[], number: number): Part | undefined {
  return parts.find((part) => part.number > number);
}

/** Returns the part that a preview shows; null for any other job, and if it is not done. */
export function partOfPreview(job: Pick<Job, "film" | "quote">): Part | null {
  return job.quote.film?.is_preview ? (job.film?.pieces[0] ?? null) : null;
}

/** Returns how many parts are done: `12 of 40 parts done`. */
export function partsText(film: { done: number; segments: number }): string {
  return `${film.done} of ${film.segments} ${film.segments === 1 ? "part" : "parts"} done`;
}
