/**
 * Shows exact frames of a <video> element, and says which frame is on the screen.
 *
 * The frame comes from requestVideoFrameCallback's mediaTime, which names the frame that the compositor has; the element's
 * currentTime and its timeupdate events do not. Seeks go to the middle of a frame's interval, so that no rounding shows
 * the neighbour. Times count from the first frame, wherever the container puts that.
 *
 * A seek may still end at another frame: in fragmented files with B-frames, Chromium begins at a key frame that is shown
 * later. Then the player seeks an earlier frame and plays on from there, slowly and without sound, until it is reached.
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

/** How fast the frames before one that cannot be sought are played at first, and at the slowest that browsers know. */
const WALKING_RATE = 0.5;
const SLOWEST_RATE = 0.0625;
/** How often a frame is tried to reach before it counts as one that cannot be shown. */
const MOST_MISSES = 7;
/** How long a frame must stay before it counts as the end of a seek, in milliseconds. */
const SETTLING_MS = 120;

export class FramePlayer {
  readonly video: HTMLVideoElement;
  #times: FrameTimes;
  #shown: Shown = { ready: false, frame: 0, playing: false };
  /** The media time of the first frame, in seconds; null until it has been decoded. */
  #firstS: number | null = null;
  /** The frame that was last asked for, until the video plays on. */
  #asked: number | null = null;
  /** The frame that is being sought, and the one to seek after it. */
  #sought: number | null = null;
  #next: number | null = null;
  /** The frame that the last seek was for, until it is on the screen; and how often it has been missed. */
  #goal: number | null = null;
  #misses = 0;
  #settling: ReturnType<typeof setTimeout> | undefined;
  /** What the element has to get back after the player has played up to a frame; null if it does not do that. */
  #walk: { muted: boolean; rate: number } | null = null;
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
    on("play", () => this.#playing());
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

  /** Replaces the times, when they have been read. A frame that was asked for before is sought again: it is at another time. */
  set times(times: FrameTimes) {
    if (times === this.#times) return;
    this.#times = times;
    this.#change({ frame: times.frameAt(this.#timeS) });
    if (this.#asked !== null) this.show(this.#asked);
  }

  /** The frame that is on the screen, or that will be when all seeks are done. */
  get target(): number {
    return this.#next ?? this.#sought ?? this.#goal ?? this.#shown.frame;
  }

  /** Whether there is nothing more to play. */
  get isAtEnd(): boolean {
    return this.video.ended || this.target >= this.#times.count - 1;
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
    this.#asked = Math.min(Math.max(Math.round(frame), 0), this.#times.count - 1);
    this.#next = this.#asked;
    this.#seekNext();
  }

  /** Plays on; from the start after the last frame. */
  play(): void {
    if (this.isAtEnd) this.show(0);
    this.resume();
  }

  /** Plays on. */
  resume(): void {
    this.#endWalk();
    this.#goal = null;
    this.video.play().catch(() => {
      // It was paused again at once, or the browser does not let it play: then the element is paused.
      this.#change({ playing: !this.video.paused && this.#walk === null });
    });
  }

  pause(): void {
    if (this.#walk === null) this.video.pause();
  }

  /** Frees the decoder. */
  dispose(): void {
    this.#listening.abort();
    clearTimeout(this.#settling);
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
    this.#approach();
  }

  #seekNext(): void {
    if (this.#next === null || this.#sought !== null || this.#firstS === null) return;
    if (this.video.readyState < HTMLMediaElement.HAVE_METADATA) return;
    const frame = this.#next;
    this.#endWalk(true);
    this.#sought = frame;
    this.#next = null;
    this.#goal = this.video.paused ? frame : null;
    this.#misses = 0;
    this.#seek(frame);
  }

  #seek(frame: number): void {
    this.video.currentTime = (this.#firstS ?? 0) + this.#times.middleOf(frame);
  }

  #playing(): void {
    if (this.#walk !== null) return;
    this.#asked = null;
    this.#goal = null;
    this.#change({ playing: true });
  }

  #seeked(): void {
    this.#sought = null;
    this.#seekNext();
    // If the same frame is shown as before, no callback comes.
    this.#approach();
  }

  /** Looks whether the frame of the last seek is on the screen, and else gets to it. */
  #approach(): void {
    clearTimeout(this.#settling);
    if (this.#goal === null || this.#sought !== null) return;
    if (this.#walk !== null && this.#shown.frame < this.#goal) return;
    this.#endWalk(true);
    // A frame from before the seek, or from before the pause, may still come.
    this.#settling = setTimeout(() => this.#settled(), SETTLING_MS);
  }

  #settled(): void {
    if (this.#goal === null || this.#sought !== null || this.video.seeking) return;
    // No callback comes in a tab that is hidden.
    const frame = document.hidden ? this.#goal : this.#shown.frame;
    if (frame < this.#goal && this.#canCorrect) this.#startWalk();
    else if (frame > this.#goal && this.#canCorrect) this.#seekBefore(this.#goal);
    else {
      // It is shown, or cannot be; whoever waits for it looks at what is shown.
      this.#goal = null;
      this.#tell();
    }
  }

  get #canCorrect(): boolean {
    return this.#times.isExact && this.#misses < MOST_MISSES;
  }

  /** Seeks a frame before the one that was missed: the further before, the more often that has failed. */
  #seekBefore(frame: number): void {
    this.#misses += 1;
    this.#seek(Math.max(0, frame - 2 ** this.#misses + 1));
  }

  #startWalk(): void {
    this.#misses += 1;
    this.#walk = { muted: this.video.muted, rate: this.video.playbackRate };
    this.video.muted = true;
    this.video.playbackRate = Math.max(SLOWEST_RATE, WALKING_RATE / 2 ** (this.#misses - 1));
    this.video.play().catch(() => this.#endWalk());
  }

  #endWalk(pauses = false): void {
    if (this.#walk === null) return;
    const { muted, rate } = this.#walk;
    if (pauses) this.video.pause();
    this.video.muted = muted;
    this.video.playbackRate = rate;
    this.#walk = null;
  }

  #change(change: Partial<Shown>): void {
    const { ready, frame, playing } = this.#shown;
    const shown = { ready, frame, playing, ...change };
    if (shown.ready === ready && shown.frame === frame && shown.playing === playing) return;
    this.#shown = shown;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
