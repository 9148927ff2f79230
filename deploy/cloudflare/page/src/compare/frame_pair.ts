/**
 * Keeps two videos of the same scene at the same moment. The leader may begin later in the scene than the follower.
 *
 * Paused, both show exactly the frames that belong together. While they play, the follower's rate is changed a little, or
 * it seeks, so that it stays within a frame of the leader; if it has nothing to play, the leader waits for it. When they
 * pause, both show the frame that the leader showed.
 */

import type { FrameTimes } from "../media/frame_times.ts";
import type { FramePlayer, Shown } from "../video/frame_player.ts";
import { correctionOf } from "./sync.ts";

/** Videos that differ less than this begin to play as they are, in seconds. */
const LEVEL_S = 0.002;

export class FramePair {
  readonly leader: FramePlayer;
  readonly follower: FramePlayer;
  /** When the leader's first frame is shown by the follower, in seconds from the follower's first frame. */
  readonly #startS: number;
  #shown: Shown;
  /** Whether the videos play, or would if they did not wait for data. */
  #playing = false;
  #isWaiting = false;
  #animation = 0;
  readonly #listeners = new Set<() => void>();
  readonly #ends: (() => void)[];

  constructor(leader: FramePlayer, follower: FramePlayer, startS: number) {
    this.leader = leader;
    this.follower = follower;
    this.#startS = startS;
    this.#shown = leader.shown;
    follower.video.muted = true;
    // Nobody hears it, and its rate changes all the time.
    follower.video.preservesPitch = false;
    this.#ends = [leader.subscribe(() => this.#leaderChanged()), follower.subscribe(() => this.#update())];
    this.align();
  }

  get shown(): Shown {
    return this.#shown;
  }

  get times(): FrameTimes {
    return this.leader.times;
  }

  get target(): number {
    return this.leader.target;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Shows a frame of the leader, and the frame of the follower at that time. */
  readonly show = (frame: number): void => {
    this.leader.show(frame);
    // Even if it seems to show that frame: a later one may still come to the screen after it has been paused.
    this.follower.show(this.#followersFrame);
  };

  /** Lets the follower show what belongs to the leader's frame. */
  align(): void {
    const frame = this.#followersFrame;
    if (frame !== this.follower.target) this.follower.show(frame);
  }

  /** The follower's frame that belongs to the leader's: at its middle, as containers round times differently. */
  get #followersFrame(): number {
    const { leader, follower } = this;
    return follower.times.frameAt(this.#startS + leader.times.middleOf(leader.target));
  }

  readonly play = (): void => {
    this.#playing = true;
    this.#isWaiting = false;
    const { leader, follower } = this;
    if (leader.isAtEnd) this.show(0);
    else if (Math.abs(this.#aheadS) > LEVEL_S) this.show(leader.target);
    leader.resume();
    // A source that ends before its output keeps its last frame; playing would begin it again.
    if (this.#startS + leader.times.timeOf(leader.target) < follower.times.endS) follower.resume();
    cancelAnimationFrame(this.#animation);
    this.#animation = requestAnimationFrame(this.#keepUp);
    this.#update();
  };

  readonly pause = (): void => {
    this.#playing = false;
    this.#isWaiting = false;
    cancelAnimationFrame(this.#animation);
    this.leader.pause();
    this.follower.pause();
    this.follower.video.playbackRate = 1;
    this.show(this.leader.target);
    this.#update();
  };

  dispose(): void {
    cancelAnimationFrame(this.#animation);
    for (const end of this.#ends) end();
    this.#listeners.clear();
  }

  /** By how much the follower is ahead of the leader, in seconds. */
  get #aheadS(): number {
    return this.follower.currentS - this.#startS - this.leader.currentS;
  }

  readonly #keepUp = (): void => {
    this.#animation = requestAnimationFrame(this.#keepUp);
    const { leader, follower } = this;
    if (leader.video.seeking || follower.video.seeking) return;
    if (this.#isWaiting) {
      if (!isLoading(follower) && !isLoading(leader)) this.play();
      return;
    }
    if (follower.video.ended || follower.video.paused) return;
    const correction = correctionOf(this.#aheadS, isLoading(follower));
    if (correction.kind === "rate") follower.video.playbackRate = correction.rate;
    else if (correction.kind === "seek")
      follower.show(follower.times.frameAt(this.#startS + leader.currentS));
    else this.#wait();
  };

  #wait(): void {
    this.#isWaiting = true;
    this.leader.pause();
    this.follower.pause();
    this.show(this.leader.shown.frame);
  }

  #leaderChanged(): void {
    // The browser itself pauses a video that has ended, and for other reasons of its own.
    if (this.#playing && !this.#isWaiting && !this.leader.shown.playing && this.leader.video.paused)
      this.pause();
    // The leader may be unable to show a frame, and show its neighbour.
    if (!this.#playing) this.align();
    this.#update();
  }

  #update(): void {
    const ready = this.leader.shown.ready && this.follower.shown.ready;
    const { frame } = this.leader.shown;
    const before = this.#shown;
    if (before.ready === ready && before.frame === frame && before.playing === this.#playing) return;
    this.#shown = { ready, frame, playing: this.#playing };
    for (const listener of this.#listeners) listener();
  }
}

function isLoading({ video }: FramePlayer): boolean {
  return !video.ended && video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
}
