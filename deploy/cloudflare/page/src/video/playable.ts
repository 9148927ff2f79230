/** Tries whether the browser plays a video: only that decides, because canPlayType knows nothing of a file. */

import { checkReachable } from "../media/byte_source.ts";

/** How long a video may take to show its first frame, in milliseconds. */
const PATIENCE_MS = 30_000;

/** The size of a video as the browser displays it, in CSS pixels. */
export interface DisplaySize {
  width: number;
  height: number;
}

/**
 * Returns the size of a video if the browser shows a frame of it; null if it cannot be played.
 *
 * @throws TypeError the video cannot be fetched, so nothing is known.
 */
export async function playableSize(url: string, signal: AbortSignal): Promise<DisplaySize | null> {
  const size = await sizeOfFirstFrame(url, signal);
  signal.throwIfAborted();
  // A browser reports a file that it cannot get as one that it cannot play.
  if (size === null && !url.startsWith("blob:")) await checkReachable(url, signal);
  return size;
}

function sizeOfFirstFrame(url: string, signal: AbortSignal): Promise<DisplaySize | null> {
  return new Promise((resolve) => {
    const video = document.createElement("video");
    const listening = new AbortController();
    const end = () => {
      clearTimeout(timer);
      listening.abort();
      // A file of which only the sound can be played has a picture without a size.
      const { readyState, videoWidth: width, videoHeight: height } = video;
      const shows = readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && width > 0 && height > 0;
      video.removeAttribute("src");
      video.load();
      resolve(shows ? { width, height } : null);
    };
    const timer = setTimeout(end, PATIENCE_MS);
    video.crossOrigin = "anonymous";
    video.muted = true;
    video.preload = "auto";
    video.addEventListener("loadeddata", end, listening);
    video.addEventListener("error", end, listening);
    signal.addEventListener("abort", end, listening);
    video.src = url;
  });
}
