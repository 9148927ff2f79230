/** Tries whether the browser plays a video: only that decides, because canPlayType knows nothing of a file. */

/** How long a video may take to show its first frame, in milliseconds. */
const PATIENCE_MS = 30_000;

/**
 * Whether the browser shows a frame of the video at a URL.
 *
 * @throws TypeError the video cannot be fetched, so nothing is known.
 */
export async function isPlayable(url: string, signal: AbortSignal): Promise<boolean> {
  if (await showsFrame(url, signal)) return true;
  // A browser reports a file that it cannot get as one that it cannot play.
  if (!url.startsWith("blob:")) {
    const response = await fetch(url, { headers: { Range: "bytes=0-0" }, signal });
    if (!response.ok) throw new TypeError(`The video cannot be fetched (status ${response.status}).`);
  }
  return false;
}

function showsFrame(url: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const video = document.createElement("video");
    const listening = new AbortController();
    const end = (shows: boolean) => {
      clearTimeout(timer);
      listening.abort();
      video.removeAttribute("src");
      video.load();
      resolve(shows);
    };
    const timer = setTimeout(() => end(false), PATIENCE_MS);
    video.crossOrigin = "anonymous";
    video.muted = true;
    video.preload = "auto";
    // A file of which only the sound can be played has a picture without a size.
    video.addEventListener("loadeddata", () => end(video.videoWidth > 0), listening);
    video.addEventListener("error", () => end(false), listening);
    signal.addEventListener("abort", () => end(false), listening);
    video.src = url;
  });
}
