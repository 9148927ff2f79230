/** A row of the timeline: a track's name, the button that follows it, and the lane that shows when it is there. */

import { type KeyboardEvent, memo, useMemo } from "react";
import { Button } from "../ui/Button.tsx";
import { Icon } from "../ui/Icon.tsx";
import { timecode } from "../video/timecode.ts";
import { colourOf } from "./colour.ts";
import { nameOf } from "./row_order.ts";
import { type Axis, type Span, spansOf } from "./spans.ts";
import { spanOf, type Track, type TrackDocument } from "./track_document.ts";

interface TrackRowProps {
  document: TrackDocument;
  track: Track;
  /** Its index in the document. */
  index: number;
  axis: Axis;
  /** Its place among `count` rows, from 0. */
  place: number;
  count: number;
  /** Whether Tab reaches this row; the arrow keys lead to the others. */
  isReachable: boolean;
  /** Whether it stands out. */
  isOn: boolean;
  onHighlight: (track: number) => void;
  onMove: (place: number) => void;
  onActivate: (place: number) => void;
  onShowFirst: (track: number) => void;
  onFollow: (track: number) => void;
}

export const TrackRow = memo(function TrackRow(props: TrackRowProps) {
  const { document, track, index, axis, place, count, isReachable, isOn } = props;
  const { onHighlight, onMove, onActivate, onShowFirst, onFollow } = props;
  const spans = useMemo(() => spansOf(document, track, axis), [document, track, axis]);
  const { first, last } = spanOf(document, track);
  const [from, to] = [timecode(axis.timeOf(first)), timecode(axis.timeOf(last))];
  const tabIndex = isReachable ? 0 : -1;
  const moves: Record<string, number> = {
    ArrowUp: place - 1,
    ArrowDown: place + 1,
    PageUp: place - 8,
    PageDown: place + 8,
    Home: 0,
    End: count - 1,
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const to = moves[event.key];
    if (to !== undefined) onMove(to);
    else if (event.key === "f" || event.key === "F") onFollow(index);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <li
      className={isOn ? "track-row on" : "track-row"}
      style={{ top: `calc(${place} * var(--row))` }}
      aria-setsize={count}
      aria-posinset={place + 1}
      data-place={place}
      data-track={track.id}
      onPointerEnter={() => onHighlight(index)}
      onFocus={() => {
        onActivate(place);
        onHighlight(index);
      }}
      onKeyDown={onKeyDown}
    >
      <button
        type="button"
        className="track-name"
        tabIndex={tabIndex}
        title="Show its first frame"
        aria-keyshortcuts="F"
        onClick={() => onShowFirst(index)}
      >
        <span className="track-colour" style={{ background: colourOf(track.id) }} />
        <span className="track-words">
          <span className="track-title">
            <bdi>{track.className}</bdi> {track.id}
          </span>
          <span className="track-times numbers">
            {from} – {to}
          </span>
        </span>
      </button>
      <Button
        kind="quiet"
        className="track-follow"
        tabIndex={tabIndex}
        aria-label={`Follow ${nameOf(track)}`}
        onClick={() => onFollow(index)}
      >
        <Icon name="crop" size={1} />
        <span className="track-follow-word">Follow</span>
      </Button>
      <svg className="track-lane" viewBox="0 0 1 14" preserveAspectRatio="none" aria-hidden="true">
        <g style={{ color: colourOf(track.id) }}>
          <path className="whole" d={bars([spans.whole], 0.3)} />
          <path className="boxes" d={bars(spans.boxes, 1.5)} />
          <path className="detected" d={bars(spans.detected, 4)} />
        </g>
      </svg>
    </li>
  );
});

/** Returns a path of bars, `half` above and below the middle of the lane. */
function bars(spans: Span[], half: number): string {
  return spans.map(({ from, to }) => `M${from} ${7 - half}H${to}V${7 + half}H${from}Z`).join("");
}
