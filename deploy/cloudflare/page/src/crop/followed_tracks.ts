/** Finds the track that an export follows among those of its job. */

import { useJob } from "../api/queries.ts";
import { nameOf } from "../tracks/row_order.ts";
import { type Box, boxOf, rowsAt, type TrackDocument } from "../tracks/track_document.ts";
import { useTracks } from "../tracks/use_tracks.ts";

/** Returns the tracks of a job; null until they have been read, and if they cannot be. */
export function useTracksOf(jobId: string): TrackDocument | null {
  const { data: job } = useJob(jobId);
  return useTracks(job).tracks.data ?? null;
}

/** Returns the box of a track in a frame, in pixels of the picture; null if it is not there. */
export function boxOfTrack(document: TrackDocument, id: number, frame: number): Box | null {
  const row = rowsAt(document, frame).find(
    (candidate) => document.tracks[document.trackOf[candidate] ?? -1]?.id === id,
  );
  return row === undefined ? null : boxOf(document, row);
}

/** Returns what a track is called, such as `person 3`; the name of its class comes from outside. */
export function nameOfTrack(document: TrackDocument | null, id: number): string {
  const track = document?.tracks.find((candidate) => candidate.id === id);
  return track === undefined ? `track ${id}` : nameOf(track);
}
