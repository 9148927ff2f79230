/** Says in words what is known of a video. */

import type { VideoFacts } from "../media/probe.ts";
import { exactly } from "./durations.ts";

const CODECS: Record<string, string> = {
  avc: "H.264",
  hevc: "HEVC",
  av1: "AV1",
  vp8: "VP8",
  vp9: "VP9",
  prores: "ProRes",
};

/** Returns what people call a codec, such as `HEVC`; the container's own name for it if it is none of these. */
export function codecName(codec: string): string {
  return CODECS[codec] ?? codec;
}

/** Returns a video's facts in one line, such as `320 × 180, 6 s, 24 frames a second, H.264, 0.3 MB`. */
export function factsText(facts: VideoFacts | null, bytes: number): string {
  if (facts === null) return bytesText(bytes);
  const { width, height, durationS, fps, codec } = facts;
  return [
    `${width} × ${height}`,
    exactly(durationS),
    fps === null ? null : `${Math.round(fps * 100) / 100} frames a second`,
    codec === null ? null : codecName(codec),
    bytesText(bytes),
  ]
    .filter((part) => part !== null)
    .join(", ");
}

/** Returns the size of a file, such as `7.3 MB`. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  const units = ["kB", "MB", "GB", "TB"];
  let size = bytes / 1000;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${size < 9.95 ? Math.round(size * 10) / 10 : Math.round(size)} ${units[unit]}`;
}
