/** Finds the tracks that an export follows, in the form in which the API takes them. */

import type { Job } from "./client.ts";
import type { components } from "./schema.d.ts";

type TrackAnswer = components["schemas"]["TrackAnswer"];

/**
 * Returns the `tracks` of an export that follows a track of a job: its document, reduced to that track, or the URL of
 * the document if the job has stored it; null if the job has no tracks.
 *
 * @param track the id of the track; `main` needs all of them.
 */
export function followedTracks(job: Job, track: number | "main"): object | string | null {
  const result = job.result as Partial<TrackAnswer> | null;
  if (!Array.isArray(result?.tracks)) return job.links.output;
  const tracks = result.tracks.filter(({ id }) => track === "main" || id === track);
  return { video: result.video, tracks };
}
