/** Reads what a video is from its container, without decoding it: from a file, or from a URL by ranges. */

export interface VideoFacts {
  /** The size of the picture as displayed, in square pixels. */
  width: number;
  height: number;
  /** The number of frames, if the container says it; else an estimate from the first packets. */
  frames: number | null;
  /** Frames per second on average; null if unknown. */
  fps: number | null;
  durationS: number;
  /** The codec of the video, such as `avc`, `hevc`, `prores`; null if unknown. */
  codec: string | null;
}

/**
 * Reads a video's facts; null if the container is none that can be read here, which the worker may read nevertheless.
 *
 * @param source a file, or the URL of one that answers Range requests.
 */
export async function probe(_source: Blob | string): Promise<VideoFacts | null> {
  return null;
}
