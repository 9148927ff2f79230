/**
 * Shows exact frames of a <video> element, and says which frame is on the screen.
 *
 * The frame comes from requestVideoFrameCallback's mediaTime, which names the frame that the compositor has; the element's
 * currentTime and its timeupdate events do not. Seeks go to the middle of a frame's interval, so that no rounding shows
 * the neighbour. Times count from the first frame, wherever the container puts that.
 */

import type { FrameTimes } from "../media/frame_times.ts";

/** What a player shows. */
export interface Shown {
  /** Whether a frame has been decoded. */
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
  readonly #listening = new AbortController();

  constructor(video: HTMLVideoElement, times: FrameTimes) {
    this.video = video;
    this.#times = times;
    const on = (event: string, does: () => void) => video.addEventListener(event, does, this.#listening);
    on("seeked", () => this.#seeked());
    on("play", () => this.#change({ playing: true }));
    on("pause", () => this.#change({ playing: false }));
    on("loadedmetadata", () => this.#seekNext());
    this.#awaitFrame();
  }

  get shown(): Shown {
    return this.#shown;
  }

  get times(): FrameTimes {
    return this.#times;
  }

  /** Replaces the times, when they have been read. */
  set times(times: FrameTimes) {
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

  /** Loads a video. Another URL of the same video goes on with the frame that was shown. */
  load(url: string): void {
    if (this.#firstS !== null) this.#next = this.target;
    this.#sought = null;
    this.video.src = url;
  }

  /** Shows a frame. Of several calls during a seek the last one counts. */
  show(frame: number): void {
    this.#next = Math.min(Math.max(Math.round(frame), 0), this.#times.count - 1);
    this.#seekNext();
  }

  /** Plays on; from the start after the last frame. */
  play(): void {
    if (this.video.ended || this.target >= this.#times.count - 1) this.show(0);
    this.resume();
  }

  /** Plays on. */
  resume(): void {
    this.video.play().catch(() => {
      // It was paused again at once, or the browser does not let it play: then the element is paused.
      this.#change({ playing: !this.video.paused });
    });
  }

  pause(): void {
    this.video.pause();
  }

  /** Frees the decoder. */
  dispose(): void {
    this.#listening.abort();
    this.video.cancelVideoFrameCallback(this.#callback);
    this.#listeners.clear();
    this.video.removeAttribute("src");
    this.video.load();
  }

  #awaitFrame(): void {
    this.#callback = this.video.requestVideoFrameCallback((_now, { mediaTime }) => {
      this.#onScreen(mediaTime);
      this.#awaitFrame();
    });
  }

  #onScreen(mediaTimeS: number): void {
    // Before any seek, a browser shows the first frame, even if sound begins earlier.
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
    if (frame !== null && this.#next === null && this.video.paused) {
      // The callback that confirms this does not come in a tab that is hidden.
      this.#timeS = this.#times.timeOf(frame);
      this.#change({ frame });
    }
    this.#seekNext();
  }

  #change(change: Partial<Shown>): void {
    const { ready, frame, playing } = this.#shown;
    const shown = { ready, frame, playing, ...change };
    if (shown.ready === ready && shown.frame === frame && shown.playing === playing) return;
    this.#shown = shown;
    for (const listener of this.#listeners) listener();
  }
}
