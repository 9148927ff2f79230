/** Marks of keyframes on the timeline, which can be dragged in time and operated by keys. */

import { type KeyboardEvent, type RefObject, useRef } from "react";
import type { FrameTimes } from "../media/frame_times.ts";
import type { Keyframe } from "./crop_path.ts";
import { useDrag } from "./drag.ts";
import { frameAfterKey, nearestBoundary, placeOf, timeUnder } from "./PartTimeline.tsx";
import { draggable } from "./PathOverlay.tsx";
import "./KeyframeMarks.css";

interface KeyframeMarksProps {
  keyframes: readonly Keyframe[];
  times: FrameTimes;
  /** The keyframe of the frame that is shown; -1 if it has none. */
  current: number;
  /** Shows the frame of a keyframe. */
  onShow: (index: number) => void;
  /** Moves a keyframe to a frame. */
  onMove: (index: number, frame: number) => void;
  onDelete: (index: number) => void;
}

export function KeyframeMarks({ keyframes, times, current, onShow, onMove, onDelete }: KeyframeMarksProps) {
  const layer = useRef<HTMLDivElement>(null);
  const shown = draggable(keyframes.length, Math.max(current, 0));
  // One mark can be reached with Tab; the buttons for the previous and the next keyframe choose it.
  const reachable = current >= 0 ? current : (shown[0] ?? 0);
  return (
    <div className="keyframe-marks" ref={layer}>
      {shown.map((index) => {
        const keyframe = keyframes[index];
        if (keyframe === undefined) return null;
        return (
          <KeyframeMark
            key={index}
            layer={layer}
            keyframe={keyframe}
            number={index + 1}
            count={keyframes.length}
            times={times}
            isCurrent={index === current}
            isReachable={index === reachable}
            onShow={() => onShow(index)}
            onMove={(frame) => onMove(index, frame)}
            onDelete={() => onDelete(index)}
          />
        );
      })}
    </div>
  );
}

interface KeyframeMarkProps {
  layer: RefObject<HTMLElement | null>;
  keyframe: Keyframe;
  number: number;
  count: number;
  times: FrameTimes;
  isCurrent: boolean;
  isReachable: boolean;
  onShow: () => void;
  onMove: (frame: number) => void;
  onDelete: () => void;
}

function KeyframeMark(props: KeyframeMarkProps) {
  const { layer, keyframe, number, count, times, isCurrent, isReachable, onShow, onMove, onDelete } = props;
  const frame = times.frameAt(keyframe.t);
  const drag = useDrag(
    (event) => {
      onShow();
      return timeUnder(layer.current, event.clientX, times) - keyframe.t;
    },
    (grabbedAtS, event) => {
      onMove(nearestBoundary(timeUnder(layer.current, event.clientX, times) - grabbedAtS, times));
    },
  );
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Delete" || event.key === "Backspace") onDelete();
    else if (event.key === "Enter" || event.key === " ") onShow();
    else {
      const next = frameAfterKey(event, frame, 0, times.count - 1, times);
      if (next === null) return;
      onMove(next);
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      className={isCurrent ? "keyframe-mark current" : "keyframe-mark"}
      style={{ left: placeOf(keyframe.t, times) }}
      role="slider"
      tabIndex={isReachable ? 0 : -1}
      aria-label={`Keyframe ${number} of ${count}`}
      aria-valuemin={0}
      aria-valuemax={times.count - 1}
      aria-valuenow={frame}
      aria-valuetext={`frame ${frame}, ${keyframe.t.toFixed(3)} seconds`}
      onKeyDown={onKeyDown}
      {...drag}
    />
  );
}
