/** Keeps the output at the moment of a source that plays. */

import type { FramePlayer } from "../video/frame_player.ts";

/** A larger distance between the two is made up for by a jump, in seconds. */
const MOST_OFF_S = 0.12;

/**
 * Lets the output play at a time, and brings it back there if it is too far away.
 *
 * @param timeS where the output should be, in seconds from its first frame; outside of it, its first or last frame rests.
 */
export function keepUp(player: FramePlayer, timeS: number): void {
  const { times, video } = player;
  if (timeS < 0 || timeS >= times.endS) {
    player.pause();
    player.show(timeS < 0 ? 0 : times.count - 1);
    return;
  }
  if (Math.abs(player.currentS - timeS) > MOST_OFF_S && !video.seeking) player.show(times.frameAt(timeS));
  if (video.paused) player.resume();
}
