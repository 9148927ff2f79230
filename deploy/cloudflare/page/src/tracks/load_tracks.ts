/** Gets the tracks of a job: from its result, or from the document in the bucket if they were too many for that. */

import type { Job } from "../api/client.ts";
import { ArrayElements, NotReadable } from "./array_elements.ts";
import { NotTracks, TrackCollector, type TrackDocument } from "./track_document.ts";

/** The largest document that is read, in bytes: about five million boxes. */
export const MOST_BYTES = 400_000_000;
/** For how long the document is read before the page gets to draw, in milliseconds. */
const READING_MS = 12;

/** The tracks cannot be shown; the message says why, and `canRetry` whether to try again with new links. */
export class TracksFailure extends Error {
  readonly canRetry: boolean;

  constructor(message: string, canRetry: boolean) {
    super(message);
    this.name = "TracksFailure";
    this.canRetry = canRetry;
  }
}

const DAMAGED = "The document of tracks is damaged. Download it to see what it has, or run the job again.";
const UNREACHABLE = "The tracks could not be fetched. Check your connection.";
const GONE = "The tracks could not be fetched: the link is too old, or the file has been deleted.";

/**
 * Returns the tracks of a completed job.
 *
 * @param onProgress gets the number of bytes that have been read.
 * @throws TracksFailure they cannot be had.
 */
export async function loadTracks(
  job: Pick<Job, "result" | "links">,
  signal: AbortSignal,
  onProgress: (bytes: number) => void,
): Promise<TrackDocument> {
  const collector = new TrackCollector();
  const result: Record<string, unknown> = job.result ?? {};
  try {
    if (Array.isArray(result.tracks)) {
      for (const track of result.tracks) collector.add(track);
      return collector.finish(result.video);
    }
    if (job.links.output === null)
      throw new TracksFailure("The tracks of this job are no longer kept.", false);
    const document = await readDocument(job.links.output, collector, signal, onProgress);
    return collector.finish(document.video);
  } catch (error) {
    if (error instanceof NotReadable || error instanceof NotTracks) throw new TracksFailure(DAMAGED, false);
    throw error;
  }
}

/** Reads a document while it arrives; returns it without its tracks, which the collector gets. */
async function readDocument(
  url: string,
  collector: TrackCollector,
  signal: AbortSignal,
  onProgress: (bytes: number) => void,
): Promise<Record<string, unknown>> {
  const elements = new ArrayElements("tracks", (track) => collector.add(track));
  const response = await fetch(url, { signal, credentials: "omit" }).catch((error) => {
    throw signal.aborted ? error : new TracksFailure(UNREACHABLE, true);
  });
  if (!response.ok || response.body === null) throw new TracksFailure(GONE, true);
  refuseAbove(Number(response.headers.get("Content-Length")));
  const reader = response.body.getReader();
  let bytes = 0;
  let paused = performance.now();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error) => {
        throw signal.aborted ? error : new TracksFailure(UNREACHABLE, true);
      });
      if (done) break;
      bytes += value.length;
      refuseAbove(bytes);
      elements.push(value);
      if (performance.now() - paused > READING_MS) {
        onProgress(bytes);
        await nextTask();
        paused = performance.now();
      }
    }
  } catch (error) {
    // Nobody waits for the rest; that it cannot be cancelled changes nothing.
    reader.cancel().catch(() => {});
    throw error;
  }
  const document = elements.finish();
  if (typeof document !== "object" || document === null)
    throw new NotReadable("the document is not an object");
  const { tracks } = document as { tracks?: unknown };
  if (!Array.isArray(tracks)) throw new NotReadable("the document has no tracks");
  return document as Record<string, unknown>;
}

function refuseAbove(bytes: number): void {
  if (bytes <= MOST_BYTES) return;
  const most = Math.round(MOST_BYTES / 1e6);
  throw new TracksFailure(
    `There are too many tracks to show here: more than ${most} MB. Download them.`,
    false,
  );
}

/** Lets the page handle what has happened meanwhile, and draw. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
