/** Reads what a video is from its container, without decoding it: from a file, or from a URL by ranges. */

import { displayedSize } from "./displayed_size.ts";
import { readMovieIndex } from "./movie_index.ts";

export interface VideoFacts {
  /** The size of the picture as displayed, in square pixels. */
  width: number;
  height: number;
  /** The number of frames, if the container lists them (mp4, mov); else an estimate from the first of them. */
  frames: number | null;
  /** Frames per second on average; null if unknown. */
  fps: number | null;
  /** The duration of the video, in seconds. */
  durationS: number;
  /** The codec of the video, such as `avc`, `hevc`, `prores`; else the container's own name for it; null if unknown. */
  codec: string | null;
}

/**
 * Reads a video's facts; null if the container is none that can be read here, which the worker may read nevertheless.
 *
 * @param source a file, or the URL of one that answers Range requests.
 */
export async function probe(source: Blob | string): Promise<VideoFacts | null> {
  const movie = await readMovieIndex(source);
  if (movie === null) {
    const { probeContainer } = await import("./other_containers.ts");
    return await probeContainer(source);
  }
  const [width, height] = displayedSize(movie);
  const frames = movie.startsS.length;
  if (!(width > 0 && height > 0 && movie.endS > 0)) return null;
  return { width, height, frames, fps: frames / movie.endS, durationS: movie.endS, codec: movie.codec };
}
