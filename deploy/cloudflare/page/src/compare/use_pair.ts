/** Loads two videos, and gives one clock for both. */

import { useEffect, useState } from "react";
import {
  type FrameFacts,
  useClock,
  useFramePlayer,
  useFrameTimes,
  useShown,
  type VideoClock,
} from "../video/clock.ts";
import { FramePair } from "./frame_pair.ts";

/** A video to load. */
export interface Loadable {
  url: string;
  /** What its frame times are read from. */
  media: Blob | string;
}

interface Pair {
  clock: VideoClock;
  beforeVideo: HTMLVideoElement | null;
  /** To be given to the <video> elements. */
  setBefore: (video: HTMLVideoElement | null) => void;
  setAfter: (video: HTMLVideoElement | null) => void;
}

/**
 * @param facts what is known of the frames of `after` before their times have been read.
 * @param startS when `after` begins in `before`, in seconds.
 */
export function usePair(before: Loadable, after: Loadable, facts: FrameFacts, startS: number): Pair {
  const [beforeVideo, setBefore] = useState<HTMLVideoElement | null>(null);
  const [afterVideo, setAfter] = useState<HTMLVideoElement | null>(null);
  const beforeTimes = useFrameTimes(before.media, facts);
  const afterTimes = useFrameTimes(after.media, facts);
  const follower = useFramePlayer(beforeVideo, before.url, beforeTimes.times);
  const leader = useFramePlayer(afterVideo, after.url, afterTimes.times);
  const [pair, setPair] = useState<FramePair | null>(null);
  useEffect(() => {
    if (leader === null || follower === null) return;
    const made = new FramePair(leader, follower, startS);
    setPair(made);
    return () => {
      made.dispose();
      setPair(null);
    };
  }, [leader, follower, startS]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: with other times another frame belongs to the leader's.
  useEffect(() => pair?.align(), [pair, beforeTimes.times, afterTimes.times]);
  const known = { times: afterTimes.times, isFinal: beforeTimes.isFinal && afterTimes.isFinal };
  return { clock: useClock(useShown(pair), pair, known), beforeVideo, setBefore, setAfter };
}
