/** Shows the tracks of a job over the playing video, with a timeline under it. */

import type { Job } from "../api/client.ts";

export function TrackResult(_props: { job: Job }) {
  return null;
}
