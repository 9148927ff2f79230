/** Knows when each frame of a video is shown, so that frames and times can be converted also at a variable frame rate. */

/** The presentation times of all frames, in order. */
export class FrameTimes {
  /** The presentation time of each frame, in seconds from the first. */
  readonly startsS: Float64Array;

  constructor(startsS: Float64Array) {
    this.startsS = startsS;
  }

  /** Returns the times of a video with a constant frame rate. */
  static constant(frames: number, fps: number): FrameTimes {
    return new FrameTimes(Float64Array.from({ length: frames }, (_, frame) => frame / fps));
  }

  get count(): number {
    return this.startsS.length;
  }

  /** Returns when a frame is shown; the nearest frame's time if there is no such frame. */
  timeOf(frame: number): number {
    return this.startsS[Math.min(Math.max(frame, 0), this.count - 1)] ?? 0;
  }

  /** Returns the index of the frame that is shown at a time. */
  frameAt(timeS: number): number {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      // Times that a browser reports are rounded; a microsecond is less than any frame lasts.
      if ((this.startsS[middle] ?? 0) <= timeS + 1e-6) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
