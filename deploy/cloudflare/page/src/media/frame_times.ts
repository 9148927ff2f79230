/** Knows when each frame of a video is shown, so that frames and times can be converted also at a variable frame rate. */

import { readMovieIndex } from "./movie_index.ts";

/** A container that must be read as a whole is not read further than this through the network, in bytes. */
const MOST_READ_BYTES = 64e6;

/**
 * How far a time may lie before a frame and still belong to it, in seconds. Browsers round times to microseconds, and
 * no frame is as short as this.
 */
const ROUNDING_S = 1e-4;

/** The most frames that a video can be said to have, about a day of them: the number may come from a worker. */
const MOST_FRAMES = 5_000_000;

/** The presentation times of all frames, in order. */
export class FrameTimes {
  /** The presentation time of each frame, in seconds from the first. */
  readonly startsS: Float64Array;
  /** When the last frame ends, in seconds from the first. */
  readonly endS: number;
  /** Whether these are the times in the container; else they are an even spread. */
  readonly isExact: boolean;

  /**
   * @param startsS the presentation time of each frame, in seconds from the first; rising.
   * @param endS when the last frame ends; by default it lasts as long as the one before.
   */
  constructor(startsS: Float64Array, endS?: number, isExact = true) {
    this.startsS = startsS;
    this.isExact = isExact;
    const last = startsS.at(-1) ?? 0;
    const before = startsS.at(-2) ?? last - 1 / 25;
    this.endS = endS !== undefined && endS > last ? endS : last + (last - before);
  }

  /** Returns the times of a video with a constant frame rate. */
  static constant(frames: number, fps: number): FrameTimes {
    const length = Math.min(Math.max(1, Math.round(frames)), MOST_FRAMES);
    return new FrameTimes(
      Float64Array.from({ length }, (_, frame) => frame / fps),
      length / fps,
      false,
    );
  }

  /** Returns the times that packets have; null if there is none. Packets before zero are those that players leave out. */
  static ofPackets(packets: { timestamp: number; duration: number }[]): FrameTimes | null {
    const shown = packets.filter(({ timestamp }) => timestamp > -ROUNDING_S);
    const inOrder = (shown.length > 0 ? shown : packets).sort((a, b) => a.timestamp - b.timestamp);
    const first = inOrder[0];
    const last = inOrder.at(-1);
    if (first === undefined || last === undefined) return null;
    return new FrameTimes(
      Float64Array.from(inOrder, ({ timestamp }) => timestamp - first.timestamp),
      last.timestamp + last.duration - first.timestamp,
    );
  }

  get count(): number {
    return this.startsS.length;
  }

  /** Returns when a frame is shown; the nearest frame's time if there is no such frame. */
  timeOf(frame: number): number {
    return this.startsS[Math.min(Math.max(frame, 0), this.count - 1)] ?? 0;
  }

  /** Returns when a frame gives way to the next one, or the video ends. */
  endOf(frame: number): number {
    return frame + 1 < this.count ? this.timeOf(frame + 1) : this.endS;
  }

  /** Returns the middle of the interval in which a frame is shown, where no rounding leads to its neighbour. */
  middleOf(frame: number): number {
    return (this.timeOf(frame) + this.endOf(frame)) / 2;
  }

  /** Returns the index of the frame that is shown at a time. */
  frameAt(timeS: number): number {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.startsS[middle] ?? 0) <= timeS + ROUNDING_S) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/**
 * Reads the presentation times of a video from its container, without decoding it.
 *
 * Returns null if the container cannot be read here, or if all of a large file would have to be fetched for it. Then
 * `FrameTimes.constant` is the best that can be known.
 *
 * @param source a file, or the URL of one that answers Range requests.
 */
export async function loadFrameTimes(source: Blob | string): Promise<FrameTimes | null> {
  const movie = await readMovieIndex(source);
  if (movie !== null) return new FrameTimes(movie.startsS, movie.endS);
  const { openContainer, EncodedPacketSink } = await import("./other_containers.ts");
  let readBytes = 0;
  const input = openContainer(source);
  input.source.on("read", ({ start, end }) => {
    readBytes += end - start;
    if (typeof source === "string" && readBytes > MOST_READ_BYTES) input.dispose();
  });
  try {
    const track = await input.getPrimaryVideoTrack();
    if (track === null) return null;
    const packets: { timestamp: number; duration: number }[] = [];
    const sink = new EncodedPacketSink(track);
    for await (const { timestamp, duration } of sink.packets(undefined, undefined, { metadataOnly: true })) {
      packets.push({ timestamp, duration });
    }
    return FrameTimes.ofPackets(packets);
  } catch {
    return null;
  } finally {
    input.dispose();
  }
}
