/** Holds the tracks of a video in arrays, so that the boxes of a frame are found at once among millions. */

/** The most tracks and boxes that are kept; docs/jobs.md allows the worker no more tracks. */
export const MOST_TRACKS = 100_000;
export const MOST_BOXES = 6_000_000;
const MOST_FRAMES = 20_000_000;
const MOST_PIXELS = 100_000;
const LONGEST_NAME = 100;

/** The document does not have what a document of tracks has. */
export class NotTracks extends Error {}

/** One object. Its boxes are the rows from `begin` up to `end`, without `end`, in order of frame. */
export interface Track {
  /** The worker's number of the track. */
  id: number;
  className: string;
  begin: number;
  end: number;
}

/** A box in pixels of the picture as displayed. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** All that was found in a video. Rows are boxes: those of the first track, then those of the second, and so on. */
export interface TrackDocument {
  /** The size of the picture as displayed, in pixels. */
  width: number;
  height: number;
  frames: number;
  /** Frames per second on average; null if the document does not say it. */
  fps: number | null;
  durationS: number;
  /** The first frame of every shot but the first. */
  cuts: number[];
  /** In order of first appearance. */
  tracks: Track[];
  /** The frame of each row. */
  frameOf: Int32Array;
  /** The track of each row, an index into `tracks`. */
  trackOf: Int32Array;
  /** Left, top, width and height of each row's box. */
  boxes: Float32Array;
  /** 1 for each row whose box was not detected, but interpolated. */
  interpolated: Uint8Array;
  /** The rows of frame f are `rowsByFrame` from `frameStarts[f]` up to `frameStarts[f + 1]`. */
  rowsByFrame: Int32Array;
  frameStarts: Int32Array;
  /** How many tracks and boxes of the document are left out, because they are invalid or too many. */
  leftOut: { tracks: number; boxes: number };
}

/** Returns the box of a row. The document has two decimals; the arrays have the nearest numbers of 32 bits. */
export function boxOf(document: TrackDocument, row: number): Box {
  const side = (number: number) => hundredths(document.boxes[4 * row + number] ?? 0);
  return { x: side(0), y: side(1), width: side(2), height: side(3) };
}

/** Returns the rows of a frame, in order of the tracks. */
export function rowsAt(document: TrackDocument, frame: number): Int32Array {
  const { frameStarts, rowsByFrame } = document;
  const isInside = Number.isInteger(frame) && frame >= 0 && frame < frameStarts.length - 1;
  if (!isInside) return rowsByFrame.subarray(0, 0);
  return rowsByFrame.subarray(frameStarts[frame], frameStarts[frame + 1]);
}

/** Returns the first and the last frame of a track. */
export function spanOf(document: TrackDocument, track: Track): { first: number; last: number } {
  return { first: document.frameOf[track.begin] ?? 0, last: document.frameOf[track.end - 1] ?? 0 };
}

/** Collects tracks one by one, in any state: what is invalid is left out and counted. */
export class TrackCollector {
  readonly #tracks: Track[] = [];
  readonly #ids = new Set<number>();
  readonly #leftOut = { tracks: 0, boxes: 0 };
  #rows = 0;
  #frameOf = new Int32Array(1024);
  #boxes = new Float32Array(4 * 1024);
  #interpolated = new Uint8Array(1024);

  /** Adds an element of `tracks`. */
  add(value: unknown): void {
    const { id, class_name: name, frames } = isObject(value) ? value : {};
    const valid = Number.isSafeInteger(id) && !this.#ids.has(id as number) && Array.isArray(frames);
    if (!valid || this.#tracks.length >= MOST_TRACKS) {
      this.#leftOut.tracks++;
      return;
    }
    this.#ids.add(id as number);
    const begin = this.#rows;
    let before = -1;
    for (const box of frames as unknown[]) {
      const frame = this.#addBox(box, before);
      if (frame === null) this.#leftOut.boxes++;
      else before = frame;
    }
    const className = typeof name === "string" && name.trim() !== "" ? name.slice(0, LONGEST_NAME) : "object";
    this.#tracks.push({ id: id as number, className, begin, end: this.#rows });
  }

  /**
   * Returns the document. Boxes are clipped to the picture; what is outside it is left out.
   *
   * @param video the block of that name.
   * @throws NotTracks the size of the picture or the number of frames is missing.
   */
  finish(video: unknown): TrackDocument {
    const { width, height, frames, fps, duration_sec: duration, cuts } = isObject(video) ? video : {};
    if (!isCount(width, MOST_PIXELS) || !isCount(height, MOST_PIXELS) || !isCount(frames, MOST_FRAMES)) {
      throw new NotTracks("the document does not say how large and how long the video is");
    }
    const tracks = this.#clip(width, height, frames);
    const rate = rateOf(fps);
    const durationS = isNumber(duration) && duration > 0 ? duration : frames / (rate ?? 25);
    return {
      width,
      height,
      frames,
      fps: rate,
      durationS,
      cuts: cutsOf(cuts, frames),
      tracks,
      ...this.#index(tracks),
      leftOut: { ...this.#leftOut },
    };
  }

  /** Adds a box behind that of frame `before`; returns its frame, or null if it is invalid. */
  #addBox(value: unknown, before: number): number | null {
    if (!isObject(value) || this.#rows >= MOST_BOXES) return null;
    const { frame, bbox } = value;
    if (!Number.isInteger(frame) || (frame as number) <= before || (frame as number) >= MOST_FRAMES)
      return null;
    if (!Array.isArray(bbox) || bbox.length !== 4 || !bbox.every(isNumber)) return null;
    if (this.#rows === this.#frameOf.length) this.#grow();
    this.#frameOf[this.#rows] = frame as number;
    this.#boxes.set(bbox, 4 * this.#rows);
    this.#interpolated[this.#rows] = value.interpolated === true ? 1 : 0;
    this.#rows++;
    return frame as number;
  }

  #grow(): void {
    const size = 2 * this.#rows;
    const frameOf = this.#frameOf;
    const boxes = this.#boxes;
    const interpolated = this.#interpolated;
    this.#frameOf = new Int32Array(size);
    this.#frameOf.set(frameOf);
    this.#boxes = new Float32Array(4 * size);
    this.#boxes.set(boxes);
    this.#interpolated = new Uint8Array(size);
    this.#interpolated.set(interpolated);
  }

  /** Clips all boxes and moves the rows that are left together; returns the tracks that have some, in order. */
  #clip(width: number, height: number, frames: number): Track[] {
    const frameOf = this.#frameOf;
    const boxes = this.#boxes;
    const interpolated = this.#interpolated;
    const kept: Track[] = [];
    let to = 0;
    for (const track of this.#tracks) {
      const begin = to;
      for (let row = track.begin; row < track.end; row++) {
        const left = boxes[4 * row] ?? 0;
        const top = boxes[4 * row + 1] ?? 0;
        const x = Math.min(Math.max(left, 0), width);
        const y = Math.min(Math.max(top, 0), height);
        const w = Math.min(left + (boxes[4 * row + 2] ?? 0), width) - x;
        const h = Math.min(top + (boxes[4 * row + 3] ?? 0), height) - y;
        if (!(w > 0 && h > 0 && (frameOf[row] ?? 0) < frames)) {
          this.#leftOut.boxes++;
          continue;
        }
        boxes[4 * to] = x;
        boxes[4 * to + 1] = y;
        boxes[4 * to + 2] = w;
        boxes[4 * to + 3] = h;
        frameOf[to] = frameOf[row] ?? 0;
        interpolated[to] = interpolated[row] ?? 0;
        to++;
      }
      if (to > begin) kept.push({ ...track, begin, end: to });
      else this.#leftOut.tracks++;
    }
    this.#rows = to;
    return kept;
  }

  /** Sorts the tracks by their first frames, and the rows by frame: a counting sort, in time proportional to both. */
  #index(tracks: Track[]) {
    const rows = this.#rows;
    const frameOf = this.#frameOf.slice(0, rows);
    tracks.sort((one, other) => (frameOf[one.begin] ?? 0) - (frameOf[other.begin] ?? 0));
    let last = -1;
    for (const frame of frameOf) if (frame > last) last = frame;
    const frameStarts = new Int32Array(last + 2);
    for (const frame of frameOf) frameStarts[frame + 1] = (frameStarts[frame + 1] ?? 0) + 1;
    for (let frame = 0; frame <= last; frame++) {
      frameStarts[frame + 1] = (frameStarts[frame + 1] ?? 0) + (frameStarts[frame] ?? 0);
    }
    const trackOf = new Int32Array(rows);
    const rowsByFrame = new Int32Array(rows);
    const next = frameStarts.slice();
    for (const [number, track] of tracks.entries()) {
      trackOf.fill(number, track.begin, track.end);
      for (let row = track.begin; row < track.end; row++) {
        const frame = frameOf[row] ?? 0;
        const place = next[frame] ?? 0;
        rowsByFrame[place] = row;
        next[frame] = place + 1;
      }
    }
    const boxes = this.#boxes.slice(0, 4 * rows);
    const interpolated = this.#interpolated.slice(0, rows);
    return { frameOf, trackOf, boxes, interpolated, rowsByFrame, frameStarts };
  }
}

/** Returns a rate such as 24000/1001 as a number; null if it is none. */
function rateOf(fps: unknown): number | null {
  const [, above, below] = (typeof fps === "string" && /^(\d{1,9})(?:\/(\d{1,9}))?$/.exec(fps)) || [];
  const rate = Number(above) / Number(below ?? 1);
  return rate > 0 && rate <= 10_000 ? rate : null;
}

function cutsOf(cuts: unknown, frames: number): number[] {
  if (!Array.isArray(cuts)) return [];
  return cuts
    .filter((cut) => Number.isInteger(cut) && cut > 0 && cut < frames)
    .sort((one, other) => one - other);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= most;
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function hundredths(value: number): number {
  return Math.round(100 * value) / 100;
}
