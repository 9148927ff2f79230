/** Shows the times above the lanes; a click or a drag moves the video. */

import { type PointerEvent, useLayoutEffect, useRef, useState } from "react";
import { timecode } from "../video/timecode.ts";
import { ticksOf } from "./ticks.ts";

interface TimeRulerProps {
  durationS: number;
  /** Where the frame on the screen is, 0 to 1. */
  position: number;
  onSeek: (position: number) => void;
}

/** The least room for a time, in pixels. */
const TICK_PX = 64;

export function TimeRuler({ durationS, position, onSeek }: TimeRulerProps) {
  const ruler = useRef<HTMLDivElement>(null);
  const [widthPx, setWidthPx] = useState(640);
  useLayoutEffect(() => {
    const element = ruler.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setWidthPx(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const seek = (event: PointerEvent<HTMLDivElement>) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    onSeek((event.clientX - left) / width);
  };
  // A time too near to the end would be cut off.
  const ticks = ticksOf(durationS, Math.max(1, Math.floor(widthPx / TICK_PX))).filter(
    (tick) => tick === 0 || (1 - tick / durationS) * widthPx > TICK_PX / 2,
  );
  return (
    <div className="time-ruler-row" aria-hidden="true">
      <div
        ref={ruler}
        className="time-ruler"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          seek(event);
        }}
        onPointerMove={(event) => {
          if (event.currentTarget.hasPointerCapture(event.pointerId)) seek(event);
        }}
      >
        {ticks.map((tick) => (
          <span key={tick} className="tick numbers" style={{ left: `${(100 * tick) / durationS}%` }}>
            {shortTimecode(tick)}
          </span>
        ))}
        <span className="playhead-grip" style={{ left: `${100 * position}%` }} />
      </div>
    </div>
  );
}

/** Returns a time without the milliseconds that it does not have, such as 0:01 or 0:01.5. */
function shortTimecode(timeS: number): string {
  return timecode(timeS).replace(/\.?0{1,3}$/, "");
}
