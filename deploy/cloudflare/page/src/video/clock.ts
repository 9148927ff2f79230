/** The moment of a video that is shown, and what moves it. Overlays draw what belongs to `frame`. */

import { useCallback, useEffect, useLayoutEffect, useMemo, useState, useSyncExternalStore } from "react";
import { FrameTimes, loadFrameTimes } from "../media/frame_times.ts";
import type { Still } from "../media/preview.ts";
import type { VideoFacts } from "../media/probe.ts";
import { FramePlayer, type Shown } from "./frame_player.ts";

export interface VideoClock {
  /** The frame that is shown, from 0, and its time in seconds from the first. */
  frame: number;
  timeS: number;
  durationS: number;
  /** The times of all frames; an even spread until they have been read, and if they cannot be. */
  times: FrameTimes;
  /** Whether a picture is on the screen, and the times are final. */
  ready: boolean;
  /** Stills cannot be played, only stepped through. */
  canPlay: boolean;
  playing: boolean;
  play: () => void;
  pause: () => void;
  /** Shows the frame of a time, in seconds from the first frame. */
  seek: (timeS: number) => void;
  /** Moves by so many frames, or stills; from where all moves before lead to. */
  step: (frames: number) => void;
}

/** What is known of a video's frames before their times have been read. */
export type FrameFacts = Pick<VideoFacts, "frames" | "fps" | "durationS">;

/** The times of a video's frames, and whether they are final. */
interface KnownTimes {
  times: FrameTimes;
  isFinal: boolean;
}

/** Returns the times of a video's frames: evenly spread, until those in the container `media` have been read. */
export function useFrameTimes(
  media: Blob | string | null,
  { frames, fps, durationS }: FrameFacts,
): KnownTimes {
  const [read, setRead] = useState<{ media: Blob | string; times: FrameTimes | null } | null>(null);
  useEffect(() => {
    if (media === null) return;
    let isCurrent = true;
    loadFrameTimes(media).then((times) => {
      if (isCurrent) setRead({ media, times });
    });
    return () => {
      isCurrent = false;
    };
  }, [media]);
  const even = useMemo(() => evenTimes({ frames, fps, durationS }), [frames, fps, durationS]);
  const known = read !== null && read.media === media ? read : null;
  return { times: known?.times ?? even, isFinal: media === null || known !== null };
}

function evenTimes({ frames, fps, durationS }: FrameFacts): FrameTimes {
  const rate = fps ?? (frames !== null && durationS > 0 ? frames / durationS : 25);
  return FrameTimes.constant(frames ?? durationS * rate, rate);
}

/** Returns a player of a <video> element that has loaded a URL; null without an element. */
export function useFramePlayer(
  video: HTMLVideoElement | null,
  url: string | null,
  times: FrameTimes,
): FramePlayer | null {
  const [player, setPlayer] = useState<FramePlayer | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: new times do not need a new player.
  useEffect(() => {
    if (video === null) return;
    const made = new FramePlayer(video, times);
    setPlayer(made);
    return () => {
      made.dispose();
      setPlayer(null);
    };
  }, [video]);
  // The player loads the video, because it must not miss the first frame.
  useEffect(() => {
    if (player !== null && url !== null) player.load(url);
  }, [player, url]);
  // The buttons and the slider go by these times as soon as they are drawn, and so must the player.
  useLayoutEffect(() => {
    if (player !== null) player.times = times;
  }, [player, times]);
  return player;
}

const NOTHING: Shown = { ready: false, frame: 0, playing: false };
const never = () => () => {};

/** Returns what a player shows, and renders again when that changes. */
export function useShown(player: Pick<FramePlayer, "subscribe" | "shown"> | null): Shown {
  return useSyncExternalStore(player?.subscribe ?? never, () => player?.shown ?? NOTHING);
}

/** What moves a clock: a player, or a pair of them. */
interface Mover {
  readonly target: number;
  readonly times: FrameTimes;
  show: (frame: number) => void;
  play: () => void;
  pause: () => void;
}

/** Returns the clock of a video that a mover moves. */
export function useClock(shown: Shown, mover: Mover | null, { times, isFinal }: KnownTimes): VideoClock {
  const { frame, playing } = shown;
  const moves = useMemo(
    () => ({
      play: () => mover?.play(),
      pause: () => mover?.pause(),
      seek: (timeS: number) => mover?.show(mover.times.frameAt(timeS)),
      step: (frames: number) => {
        mover?.pause();
        mover?.show(mover.target + frames);
      },
    }),
    [mover],
  );
  return {
    frame,
    timeS: times.timeOf(frame),
    durationS: times.endS,
    times,
    ready: shown.ready && isFinal,
    canPlay: true,
    playing,
    ...moves,
  };
}

/** Returns the clock of a <video> element, which loads a URL. */
export function useVideoClock(
  video: HTMLVideoElement | null,
  url: string | null,
  known: KnownTimes,
): VideoClock {
  const player = useFramePlayer(video, url, known.times);
  return useClock(useShown(player), player, known);
}

/** Returns a clock that shows one still after the other, and the index of the still. */
export function useStillsClock(stills: Still[], times: FrameTimes): VideoClock & { still: number } {
  const [wanted, setWanted] = useState(0);
  const still = Math.min(wanted, Math.max(0, stills.length - 1));
  const timeS = stills[still]?.timeS ?? 0;
  const seek = useCallback((to: number) => setWanted(nearestStill(stills, to)), [stills]);
  const step = useCallback(
    (by: number) => setWanted((index) => Math.min(Math.max(index + by, 0), Math.max(0, stills.length - 1))),
    [stills],
  );
  return {
    still,
    frame: times.frameAt(timeS),
    timeS,
    durationS: times.endS,
    times,
    ready: stills.length > 0,
    canPlay: false,
    playing: false,
    play: nothing,
    pause: nothing,
    seek,
    step,
  };
}

function nothing(): void {}

/** Returns the index of the still that is nearest to a time. */
export function nearestStill(stills: Pick<Still, "timeS">[], timeS: number): number {
  let nearest = 0;
  stills.forEach((still, index) => {
    const best = stills[nearest]?.timeS ?? 0;
    if (Math.abs(still.timeS - timeS) < Math.abs(best - timeS)) nearest = index;
  });
  return nearest;
}
