/** The buttons that move a video: play, step by frame, and a slider over all frames, with the time and the frame. */

import type { KeyboardEvent, ReactNode } from "react";
import type { VideoClock } from "./clock.ts";
import { timecode } from "./timecode.ts";
import "./Transport.css";

export function Transport({ clock, children }: { clock: VideoClock; children?: ReactNode }) {
  const { frame, timeS, times, durationS, playing, canPlay } = clock;
  const of = canPlay ? "frame" : "picture";
  return (
    <div className="transport">
      <div className="transport-buttons">
        <IconButton
          label={`Back one ${of}`}
          onPress={() => clock.step(-1)}
          path="M15 5v14l-8-7zM5 5h2v14H5z"
        />
        {canPlay && (
          <IconButton
            label={playing ? "Pause" : "Play"}
            onPress={playing ? clock.pause : clock.play}
            path={playing ? "M6 5h4v14H6zM14 5h4v14h-4z" : "M7 4.5v15l12-7.5z"}
          />
        )}
        <IconButton
          label={`Forward one ${of}`}
          onPress={() => clock.step(1)}
          path="M9 5v14l8-7zM17 5h2v14h-2z"
        />
      </div>
      <input
        className="scrubber"
        type="range"
        aria-label="Position"
        aria-valuetext={`${timecode(timeS)} of ${timecode(durationS)}, frame ${frame}`}
        min={0}
        max={Math.max(0, times.count - 1)}
        step={1}
        value={frame}
        onChange={(event) => clock.seek(times.timeOf(Number(event.target.value)))}
      />
      <output className="transport-time numbers" aria-live="off">
        {timecode(timeS)} <span className="muted">frame {frame}</span>
      </output>
      {children}
    </div>
  );
}

function IconButton({ label, onPress, path }: { label: string; onPress: () => void; path: string }) {
  return (
    <button type="button" className="icon-button" aria-label={label} title={label} onClick={onPress}>
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d={path} fill="currentColor" />
      </svg>
    </button>
  );
}

/**
 * Moves the clock by the keys of a player: space plays and pauses; comma and period, or left and right, step by frame;
 * Home and End go to the first frame and the last. Keys that a control inside has used are left alone.
 */
export function moveByKeys(clock: VideoClock, event: KeyboardEvent): void {
  if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
  const isOnStage = event.target === event.currentTarget;
  const isInField = (event.target as Element).closest("input, select, textarea, button, a") !== null;
  const move = moveOf(clock, event.key, isOnStage, isInField);
  if (move === null) return;
  event.preventDefault();
  move();
}

function moveOf(clock: VideoClock, key: string, isOnStage: boolean, isInField: boolean): (() => void) | null {
  if (key === "," || (key === "ArrowLeft" && isOnStage)) return () => clock.step(-1);
  if (key === "." || (key === "ArrowRight" && isOnStage)) return () => clock.step(1);
  if (key === "Home" && isOnStage) return () => clock.seek(0);
  if (key === "End" && isOnStage) return () => clock.seek(clock.durationS);
  if (key === " " && !isInField && clock.canPlay) return clock.playing ? clock.pause : clock.play;
  return null;
}
