/** A timeline of the whole video with two handles, which choose the part that is exported, and what else stands on it. */

import { type KeyboardEvent, type ReactNode, useRef } from "react";
import type { FrameTimes } from "../media/frame_times.ts";
import { useDrag } from "./drag.ts";
import { type Part, withFirst, withLast } from "./trim.ts";
import "./PartTimeline.css";

interface PartTimelineProps {
  times: FrameTimes;
  part: Part;
  /** The frame that is shown. */
  frame: number;
  onPart: (part: Part) => void;
  /** Shows a frame. */
  onFrame: (frame: number) => void;
  /** What stands under the track, on the same scale, such as keyframes. */
  children?: ReactNode;
}

export function PartTimeline({ times, part, frame, onPart, onFrame, children }: PartTimelineProps) {
  const track = useRef<HTMLDivElement>(null);
  const scrub = useDrag(
    (event) => {
      onFrame(times.frameAt(timeUnder(track.current, event.clientX, times)));
      return true;
    },
    (_grabbed, event) => onFrame(times.frameAt(timeUnder(track.current, event.clientX, times))),
  );
  const from = placeOf(times.timeOf(part.first), times);
  const to = placeOf(times.endOf(part.last), times);
  return (
    <div className="part-timeline">
      <div className="part-track" ref={track} {...scrub}>
        <div className="part-chosen" style={{ left: from, width: `calc(${to} - ${from})` }} />
        <div className="part-playhead" style={{ left: placeOf(times.timeOf(frame), times) }} />
        <PartHandle
          edge="start"
          frame={part.first}
          least={0}
          most={part.last}
          times={times}
          track={() => track.current}
          onChange={(first) => {
            const next = withFirst(part, first);
            onPart(next);
            onFrame(next.first);
          }}
        />
        <PartHandle
          edge="end"
          frame={part.last}
          least={part.first}
          most={times.count - 1}
          times={times}
          track={() => track.current}
          onChange={(last) => {
            const next = withLast(part, last, times.count);
            onPart(next);
            onFrame(next.last);
          }}
        />
      </div>
      {children}
    </div>
  );
}

interface PartHandleProps {
  edge: "start" | "end";
  frame: number;
  least: number;
  most: number;
  times: FrameTimes;
  track: () => HTMLElement | null;
  onChange: (frame: number) => void;
}

/** How far Page Up and Page Down move a handle, in seconds. */
const PAGE_S = 1;

function PartHandle({ edge, frame, least, most, times, track, onChange }: PartHandleProps) {
  const timeS = edge === "start" ? times.timeOf(frame) : times.endOf(frame);
  const drag = useDrag(
    (event) => timeUnder(track(), event.clientX, times) - timeS,
    (grabbedAtS, event) => {
      const boundary = nearestBoundary(timeUnder(track(), event.clientX, times) - grabbedAtS, times);
      onChange(edge === "start" ? boundary : boundary - 1);
    },
  );
  const onKeyDown = (event: KeyboardEvent) => {
    const next = frameAfterKey(event, frame, least, most, times);
    if (next === null) return;
    event.preventDefault();
    event.stopPropagation();
    onChange(next);
  };
  return (
    <div
      className={`part-handle ${edge}`}
      style={{ left: placeOf(timeS, times) }}
      role="slider"
      tabIndex={0}
      aria-label={edge === "start" ? "Start of the part" : "End of the part"}
      aria-valuemin={least}
      aria-valuemax={most}
      aria-valuenow={frame}
      aria-valuetext={`${edge === "start" ? "first" : "last"} frame ${frame}, ${times.timeOf(frame).toFixed(3)} seconds`}
      onKeyDown={onKeyDown}
      {...drag}
    />
  );
}

/** Returns the frame to which a key moves a slider over frames; null if the key means nothing to it. */
export function frameAfterKey(
  event: KeyboardEvent,
  frame: number,
  least: number,
  most: number,
  times: FrameTimes,
): number | null {
  switch (event.key) {
    case "ArrowLeft":
    case "ArrowDown":
      return frame - (event.shiftKey ? 10 : 1);
    case "ArrowRight":
    case "ArrowUp":
      return frame + (event.shiftKey ? 10 : 1);
    case "PageDown":
      return times.frameAt(times.timeOf(frame) - PAGE_S);
    case "PageUp":
      return times.frameAt(times.timeOf(frame) + PAGE_S);
    case "Home":
      return least;
    case "End":
      return most;
    default:
      return null;
  }
}

/** Returns the frame whose beginning is nearest to a time; the number of frames for the end of the video. */
export function nearestBoundary(timeS: number, times: FrameTimes): number {
  const frame = times.frameAt(timeS);
  return timeS > times.middleOf(frame) ? frame + 1 : frame;
}

/** Returns the place of a time on the timeline, for CSS. */
export function placeOf(timeS: number, times: FrameTimes): string {
  return `${Math.min(Math.max(timeS / times.endS, 0), 1) * 100}%`;
}

/** Returns the time under a place of the screen, in seconds; it may be before the start of the video or after its end. */
export function timeUnder(track: HTMLElement | null, clientX: number, times: FrameTimes): number {
  if (track === null) return 0;
  const { left, width } = track.getBoundingClientRect();
  return width === 0 ? 0 : ((clientX - left) / width) * times.endS;
}
