/** Decides how a video that lags behind another, or is ahead of it, gets back to it while both play. */

/** What the follower does next. */
type Correction =
  /** It plays at this rate. */
  | { kind: "rate"; rate: number }
  /** It seeks, because it is too far away for a change of rate that goes unnoticed. */
  | { kind: "seek" }
  /** It has fallen so far behind, while it loads, that both wait for it. */
  | { kind: "wait" };

/** In how many seconds a difference is made up for. */
const CATCH_UP_S = 0.15;
/** The largest change of the rate. */
const MOST_FASTER = 0.4;
/** A larger difference is sought, in seconds. */
const SEEK_S = 0.35;

/**
 * Returns how the follower gets back.
 *
 * @param aheadS by how much the follower is ahead, in seconds; negative if it lags behind.
 * @param isLoading whether the follower has no frames to play.
 */
export function correctionOf(aheadS: number, isLoading: boolean): Correction {
  if (isLoading && aheadS < -0.1) return { kind: "wait" };
  if (Math.abs(aheadS) > SEEK_S) return { kind: "seek" };
  const faster = Math.min(Math.max(-aheadS / CATCH_UP_S, -MOST_FASTER), MOST_FASTER);
  return { kind: "rate", rate: Math.abs(aheadS) < 0.001 ? 1 : 1 + faster };
}
