/** Says in one line what is known of a video: its size, length, frame rate, codec, and the size of its file. */

import type { Upload } from "../api/client.ts";
import type { VideoFacts } from "../media/probe.ts";
import { factsText } from "../text/video_facts.ts";

interface VideoFactsLineProps {
  upload: Upload;
  facts: VideoFacts | null;
  isReading: boolean;
}

export function VideoFactsLine({ upload, facts, isReading }: VideoFactsLineProps) {
  return (
    <span className="numbers">{isReading ? "Reading the video …" : factsText(facts, upload.bytes)}</span>
  );
}
