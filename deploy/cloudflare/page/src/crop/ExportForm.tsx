/** Sets up an export on the picture: the crop, its path, the part of the video, the format. */

import type { VideoFacts } from "../media/probe.ts";

/** What every form of a task gets: the upload, and what is known of the video (null while that is being read). */
export interface TaskFormProps {
  uploadId: string;
  facts: VideoFacts | null;
}

export function ExportForm(_props: TaskFormProps) {
  return null;
}
