/** Says in words what is known of a video. */

import type { VideoFacts } from "../media/probe.ts";
import { exactly } from "./durations.ts";
import { sizeText } from "./sizes.ts";

const CODECS: Record<string, string> = {
  avc: "H.264",
  hevc: "HEVC",
  av1: "AV1",
  vp8: "VP8",
  vp9: "VP9",
  prores: "ProRes",
};

/** Returns the common name of a codec, such as `HEVC`; the container's own name for it if it is none of these. */
export function codecName(codec: string): string {
  return Object.hasOwn(CODECS, codec) ? (CODECS[codec] as string) : codec;
}

/** Returns whether browsers play a codec in most containers: then it is the container of a file that they cannot read. */
export function isUsualCodec(codec: string): boolean {
  return ["avc", "av1", "vp8", "vp9"].includes(codec);
}

/** Returns a video's facts in one line, such as `320 × 180, 6 s, 24 frames per second, H.264, 0.3 MB`. */
export function factsText(facts: VideoFacts | null, bytes: number): string {
  if (facts === null) return sizeText(bytes);
  const { width, height, durationS, fps, codec } = facts;
  return [
    `${width} × ${height}`,
    exactly(durationS),
    fps === null ? null : `${Math.round(fps * 100) / 100} frames per second`,
    codec === null ? null : codecName(codec),
    sizeText(bytes),
  ]
    .filter((part) => part !== null)
    .join(", ");
}
