/** Chooses and sorts the tracks that the timeline shows. */

import { spanOf, type Track, type TrackDocument } from "./track_document.ts";

export type SortBy = "appearance" | "length";

/** Returns the tracks of all classes but the hidden ones, as indices into `tracks`. */
export function rowOrder(document: TrackDocument, hidden: ReadonlySet<string>, sortBy: SortBy): number[] {
  const shown = [...document.tracks.keys()].filter(
    (index) => !hidden.has(trackAt(document, index).className),
  );
  if (sortBy === "appearance") return shown;
  const length = (index: number) => {
    const { first, last } = spanOf(document, trackAt(document, index));
    return last - first;
  };
  return shown.sort((one, other) => length(other) - length(one));
}

/** Returns the classes with the number of their tracks, the most frequent first. */
export function classCounts(document: TrackDocument): [className: string, tracks: number][] {
  const counts = new Map<string, number>();
  for (const { className } of document.tracks) counts.set(className, (counts.get(className) ?? 0) + 1);
  return [...counts].sort(([one, count], [other, more]) => more - count || (one < other ? -1 : 1));
}

/** Returns a track by its index. */
export function trackAt(document: TrackDocument, index: number): Track {
  const track = document.tracks[index];
  if (track === undefined) throw new RangeError(`there is no track ${index}`);
  return track;
}

/** Returns the name of a track, such as "person 3". */
export function nameOf({ className, id }: Track): string {
  return `${className} ${id}`;
}
