/** Types what the form of every task gets. */

import type { VideoFacts } from "../media/probe.ts";

export interface TaskFormProps {
  uploadId: string;
  /** What is known of the video; null while it is being read, and if it cannot be read in the browser. */
  facts: VideoFacts | null;
}
