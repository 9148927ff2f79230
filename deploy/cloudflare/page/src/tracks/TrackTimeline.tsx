/** Lists the tracks, each with a lane that shows when it is in the video. Only the rows that are in sight are made. */

import { type PointerEvent, type UIEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import { trackAt } from "./row_order.ts";
import { type Axis, positionOf } from "./spans.ts";
import { TimeRuler } from "./TimeRuler.tsx";
import { TrackRow } from "./TrackRow.tsx";
import type { TrackDocument } from "./track_document.ts";
import "./TrackTimeline.css";

/** The height of a row with the line under it, in pixels: a finger can hit it. TrackTimeline.css has the same. */
const ROW_PX = 45;
/** How many rows are made beyond those in sight, on both sides. */
const MORE_ROWS = 3;

interface TrackTimelineProps {
  document: TrackDocument;
  /** The tracks that are shown, in order. */
  order: number[];
  axis: Axis;
  /** The frame on the screen. */
  frame: number;
  highlighted: number | null;
  /** The track that was chosen in the picture; its row comes into sight. */
  chosen: number | null;
  onHighlight: (track: number | null) => void;
  /** Shows the frame at a position, 0 to 1. */
  onSeek: (position: number) => void;
  onShowFirst: (track: number) => void;
  onFollow: (track: number) => void;
}

export function TrackTimeline(props: TrackTimelineProps) {
  const { document, order, axis, frame, highlighted, chosen, onHighlight, onSeek, onShowFirst, onFollow } =
    props;
  const view = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [heightPx, setHeightPx] = useState(8 * ROW_PX);
  // The place of the row that Tab reaches; the arrow keys change it.
  const [active, setActive] = useState(0);
  const reachable = Math.min(active, Math.max(0, order.length - 1));

  useLayoutEffect(() => {
    const element = view.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setHeightPx(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    const place = chosen === null ? -1 : order.indexOf(chosen);
    if (place < 0) return;
    setActive(place);
    bringIntoSight(view.current, place);
  }, [chosen, order]);

  const move = (to: number) => {
    const place = Math.min(Math.max(to, 0), order.length - 1);
    setActive(place);
    bringIntoSight(view.current, place);
    // The row may not exist before the next drawing.
    requestAnimationFrame(() =>
      view.current?.querySelector<HTMLElement>(`[data-place="${place}"] button`)?.focus(),
    );
  };

  const first = Math.max(0, Math.floor(top / ROW_PX) - MORE_ROWS);
  const end = Math.min(order.length, Math.ceil((top + heightPx) / ROW_PX) + MORE_ROWS);
  const places = Array.from({ length: Math.max(0, end - first) }, (_, number) => first + number);
  // The row that Tab reaches, or that has the focus, is there though it may be out of sight.
  if (order.length > 0 && (reachable < first || reachable >= end)) places.push(reachable);

  const now = positionOf(axis, frame);
  const half = (positionOf(axis, frame + 1) - now) / 2;
  return (
    <div className="track-timeline">
      <TimeRuler durationS={axis.endS} position={now + half} onSeek={onSeek} />
      <div
        ref={view}
        className="track-rows"
        onScroll={(event: UIEvent<HTMLDivElement>) => setTop(event.currentTarget.scrollTop)}
        onPointerLeave={() => onHighlight(null)}
        onPointerDown={(event) => {
          const position = positionInLane(event);
          if (position !== null) onSeek(position);
        }}
      >
        <div className="track-all-rows" style={{ height: ROW_PX * order.length }}>
          <ul aria-label="Tracks">
            {places.map((place) => (
              <TrackRow
                key={order[place]}
                document={document}
                track={trackAt(document, order[place] ?? 0)}
                index={order[place] ?? 0}
                axis={axis}
                place={place}
                count={order.length}
                isReachable={place === reachable}
                isOn={order[place] === highlighted}
                onHighlight={onHighlight}
                onMove={move}
                onActivate={setActive}
                onShowFirst={onShowFirst}
                onFollow={onFollow}
              />
            ))}
          </ul>
          <div className="track-marks">
            <svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
              <path
                className="cuts"
                d={document.cuts.map((cut) => `M${positionOf(axis, cut)} 0V1`).join("")}
                vectorEffect="non-scaling-stroke"
              />
            </svg>
            <div className="playhead" data-frame={frame} style={{ left: `${100 * (now + half)}%` }} />
          </div>
        </div>
      </div>
    </div>
  );
}

function bringIntoSight(view: HTMLElement | null, place: number): void {
  if (view === null) return;
  const top = place * ROW_PX;
  if (top < view.scrollTop) view.scrollTop = top;
  else if (top + ROW_PX > view.scrollTop + view.clientHeight)
    view.scrollTop = top + ROW_PX - view.clientHeight;
}

/** Returns where in a lane a pointer is, 0 to 1; null if it is not in one. */
function positionInLane(event: PointerEvent): number | null {
  const lane = event.target instanceof Element ? event.target.closest(".track-lane") : null;
  if (lane === null) return null;
  const { left, width } = lane.getBoundingClientRect();
  return (event.clientX - left) / width;
}
