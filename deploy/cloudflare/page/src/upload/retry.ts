/** Decides what to do after a request has failed, and how long to wait before. */

/** What to do after a PUT has failed: the same again, the same with a new URL, or nothing more. */
type NextStep = "again" | "new url" | "give up";

/** How often a request that the server itself fails to answer is repeated: about three minutes in all. */
export const SERVER_RETRIES = 15;
/** How often a refused URL is replaced before the refusal is believed. */
const NEW_URLS = 3;
/** How often a URL that gets no answer is replaced although the API answers: then something between blocks it. */
const SILENT_URLS = 8;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/**
 * Returns what to do after a PUT to a presigned URL has failed. A network that is gone may stay away for long: asking
 * for a new URL succeeds only when it is back.
 *
 * @param status its HTTP status; 0 if no answer came.
 * @param failures how often it has failed with an answer, or without one if status is 0, this time included.
 */
export function nextStep(status: number, failures: number): NextStep {
  // Browsers hide a refusal whose CORS headers are missing: no answer may mean that the URL has expired.
  if (status === 0) return failures > 2 * SILENT_URLS ? "give up" : failures % 2 === 0 ? "new url" : "again";
  if (status === 408 || status === 429 || status >= 500)
    return failures <= SERVER_RETRIES ? "again" : "give up";
  // 403: the URL has expired. 404: the storage does not know the upload, and the API knows why.
  if (status === 403 || status === 404) return failures <= NEW_URLS ? "new url" : "give up";
  return "give up";
}

/** Returns how long to wait before a request is repeated, in milliseconds: twice as long each time, within limits. */
export function waitMs(failures: number, random: number = Math.random()): number {
  const most = Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), LONGEST_WAIT_MS);
  return most * (0.75 + random / 4);
}

/**
 * Waits, but not longer than until the network is back.
 *
 * @throws the signal's reason, if it ends the wait.
 */
export function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(() => end(resolve), ms);
    const wake = () => end(resolve);
    const stop = () => end(() => reject(signal.reason));
    const end = (how: () => void) => {
      clearTimeout(timer);
      window.removeEventListener("online", wake);
      signal.removeEventListener("abort", stop);
      how();
    };
    window.addEventListener("online", wake);
    signal.addEventListener("abort", stop);
  });
}
