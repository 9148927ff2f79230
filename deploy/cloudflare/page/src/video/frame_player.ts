/**
 * Shows exact frames of a <video> element and says which frame is on the screen.
 *
 * The frame comes from requestVideoFrameCallback's mediaTime, which names the frame that the compositor has; the element's
 * currentTime and its timeupdate events do not. Seeks go to the middle of a frame's interval, so that no rounding shows
 * the neighbour. Times count from the first frame, wherever the container puts that.
 */

import type { FrameTimes } from "../media/frame_times.ts";

/** What a player shows. */
export interface Shown {
  /** Whether the first frame has been decoded. */
  ready: boolean;
  /** The frame that is on the screen, from 0. */
  frame: number;
  playing: boolean;
}

export class FramePlayer {
  readonly video: HTMLVideoElement;
  #times: FrameTimes;
  #shown: Shown = { ready: false, frame: 0, playing: false };
  /** The media time of the first frame, in seconds; null until it has been decoded. */
  #firstS: number | null = null;
  /** The frame that is being sought, and the one to seek after it. */
  #sought: number | null = null;
  #next: number | null = null;
  /** When the frame on the screen is shown, in seconds from the first frame. */
  #timeS = 0;
  #callback = 0;
  readonly #listeners = new Set<() => void>();
  readonly #stop = new AbortController();

  constructor(video: HTMLVideoElement, times: FrameTimes) {
    this.video = video;
    this.#times = times;
    const on = (event: string, does: () => void) =>
      video.addEventListener(event, does, { signal: this.#stop.signal });
    on("seeked", () => this.#seeked());
    on("play", () => this.#change({ playing: true }));
    on("pause", () => this.#paused());
    on("ended", () => this.#paused());
    // A new URL of the same video goes on with the frame that was shown.
    on("emptied", () => {
      this.#next = this.target;
      this.#sought = null;
    });
    on("loadeddata", () => this.#seekNext());
    this.#listen();
  }

  get shown(): Shown {
    return this.#shown;
  }

  get times(): FrameTimes {
    return this.#times;
  }

  /** Replaces the times, when they have been read. */
  set times(times: FrameTimes) {
    if (this.#times === times) return;
    this.#times = times;
    this.#change({ frame: times.frameAt(this.#timeS) });
  }

  /** The frame that is on the screen, or that will be when all seeks are done. */
  get target(): number {
    return this.#next ?? this.#sought ?? this.#shown.frame;
  }

  /** Where playing is at this moment, in seconds from the first frame. */
  get currentS(): number {
    return this.video.currentTime - (this.#firstS ?? 0);
  }

  /** Calls a listener after each change of what is shown; returns the function that ends this. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Shows a frame. Of several calls during a seek the last one counts. */
  show(frame: number): void {
    const wanted = Math.min(Math.max(Math.round(frame), 0), this.#times.count - 1);
    this.#next = wanted;
    this.#seekNext();
  }

  play(): void {
    if (this.video.ended || this.target >= this.#times.count - 1) this.show(0);
    // The browser refuses if it is paused again at once, or may not play sound yet; then it stays paused.
    this.video.play().catch(() => this.#paused());
  }

  pause(): void {
    this.video.pause();
  }

  dispose(): void {
    this.#stop.abort();
    this.video.cancelVideoFrameCallback(this.#callback);
    this.#listeners.clear();
  }

  #listen(): void {
    this.#callback = this.video.requestVideoFrameCallback((_now, { mediaTime }) => {
      this.#onScreen(mediaTime);
      this.#listen();
    });
  }

  #onScreen(mediaTimeS: number): void {
    // The first frame that a browser shows is the first of the video.
    this.#firstS ??= mediaTimeS;
    this.#timeS = mediaTimeS - this.#firstS;
    this.#change({ ready: true, frame: this.#times.frameAt(this.#timeS) });
    this.#seekNext();
  }

  #seekNext(): void {
    if (this.#next === null || this.#sought !== null || this.#firstS === null) return;
    if (this.video.readyState < HTMLMediaElement.HAVE_METADATA) return;
    const frame = this.#next;
    this.#sought = frame;
    this.#next = null;
    this.video.currentTime = this.#firstS + this.#times.middleOf(frame);
  }

  #seeked(): void {
    const frame = this.#sought;
    this.#sought = null;
    if (frame !== null && this.#next === null && !this.#shown.playing) {
      // A callback confirms this, except in a tab in the background.
      this.#timeS = this.#times.timeOf(frame);
      this.#change({ frame });
    }
    this.#seekNext();
  }

  #paused(): void {
    if (!this.#shown.playing) return;
    this.#change({ playing: false });
  }

  #change(change: Partial<Shown>): void {
    const shown = { ...this.#shown, ...change };
    const same =
      shown.ready === this.#shown.ready &&
      shown.frame === this.#shown.frame &&
      shown.playing === this.#shown.playing;
    if (same) return;
    this.#shown = shown;
    for (const listener of this.#listeners) listener();
  }
}
