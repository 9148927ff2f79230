/** Draws the boxes, labels and trails of a frame over its picture, in pixels of the picture. */

import { type MouseEvent, memo, type RefObject, useEffect, useMemo, useRef, useState } from "react";
import type { FrameTimes } from "../media/frame_times.ts";
import { colourOf } from "./colour.ts";
import { drawnRows } from "./drawn_rows.ts";
import { nameOf, trackAt } from "./row_order.ts";
import { type Box, boxOf, type Track, type TrackDocument } from "./track_document.ts";
import { type Point, trailOf } from "./trail.ts";
import "./TrackOverlay.css";

/** In a frame with more boxes than this, only the largest have labels and trails: more would hide the picture. */
const MOST_LABELS = 60;
const LABEL_PX = 12;
const LABEL_FONT = `600 ${LABEL_PX}px ui-sans-serif, system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif`;
const LONGEST_CLASS = 24;
/** How much of a trail has each opacity, the oldest part first. */
const FADING = [0.25, 0.5, 0.75, 1];

interface TrackOverlayProps {
  document: TrackDocument;
  frame: number;
  times: FrameTimes;
  /** The classes that are not drawn. */
  hidden: ReadonlySet<string>;
  /** The track that stands out; null for none. */
  highlighted: number | null;
  onHighlight: (track: number | null) => void;
  onPick: (track: number) => void;
}

interface Mark {
  track: Track;
  index: number;
  box: Box;
  isInterpolated: boolean;
  colour: string;
  isOn: boolean;
  hasLabel: boolean;
  trail: Point[];
}

export const TrackOverlay = memo(function TrackOverlay(props: TrackOverlayProps) {
  const { document, frame, times, hidden, highlighted, onHighlight, onPick } = props;
  const group = useRef<SVGGElement>(null);
  const unit = useUnit(group, document);
  const marks = useMemo(
    () => marksOf(document, frame, times, hidden, highlighted),
    [document, frame, times, hidden, highlighted],
  );
  const isAnyOn = marks.some(({ isOn }) => isOn);
  const marksOnTop = [...marks.filter(({ isOn }) => !isOn), ...marks.filter(({ isOn }) => isOn)];
  const indexAt = ({ target }: MouseEvent) => {
    const of = target instanceof Element ? target.closest<SVGElement>("[data-index]") : null;
    return of === null ? null : Number(of.dataset.index);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the rows of the timeline do the same by the keyboard.
    <g
      ref={group}
      className={isAnyOn ? "track-overlay any-on" : "track-overlay"}
      onPointerOver={(event) => onHighlight(indexAt(event))}
      onPointerLeave={() => onHighlight(null)}
      onClick={(event) => {
        const index = indexAt(event);
        event.stopPropagation();
        if (index !== null) onPick(index);
      }}
    >
      <g className="track-trails">
        {marks.map((mark) => mark.trail.length > 1 && <Trail key={mark.track.id} mark={mark} unit={unit} />)}
      </g>
      <g className="track-boxes">
        {marks.map((mark) => (
          <BoxMark key={mark.track.id} mark={mark} unit={unit} />
        ))}
      </g>
      <g className="track-labels">
        {marksOnTop.map(
          (mark) => mark.hasLabel && <Label key={mark.track.id} mark={mark} unit={unit} within={document} />,
        )}
      </g>
    </g>
  );
});

function marksOf(
  document: TrackDocument,
  frame: number,
  times: FrameTimes,
  hidden: ReadonlySet<string>,
  highlighted: number | null,
): Mark[] {
  return drawnRows(document, frame, hidden).map((row, place) => {
    const index = document.trackOf[row] ?? 0;
    const track = trackAt(document, index);
    const isOn = index === highlighted;
    const hasLabel = place < MOST_LABELS || isOn;
    return {
      track,
      index,
      box: boxOf(document, row),
      isInterpolated: document.interpolated[row] === 1,
      colour: colourOf(track.id),
      isOn,
      hasLabel,
      trail: hasLabel ? trailOf(document, row, times) : [],
    };
  });
}

interface MarkProps {
  mark: Mark;
  /** How many pixels of the picture a pixel of the page has. */
  unit: number;
}

function classOf(name: string, { isOn, isInterpolated }: Mark): string {
  return [name, isOn && "on", isInterpolated && "interpolated"].filter(Boolean).join(" ");
}

function BoxMark({ mark, unit }: MarkProps) {
  const { track, index, box, colour, isOn, isInterpolated } = mark;
  const line = (isOn ? 3.5 : 2) * unit;
  return (
    <g className={classOf("track-box", mark)} data-track={track.id} data-index={index}>
      <rect {...box} className="halo" strokeWidth={line + 2 * unit} />
      <rect
        {...box}
        className="edge"
        stroke={colour}
        strokeWidth={line}
        strokeDasharray={isInterpolated ? `${6 * unit} ${4 * unit}` : undefined}
      />
    </g>
  );
}

function Trail({ mark, unit }: MarkProps) {
  const { track, trail, colour } = mark;
  const pieces = Math.min(FADING.length, trail.length - 1);
  return (
    <g className={classOf("track-trail", mark)} data-track={track.id}>
      {FADING.slice(-pieces).map((opacity, piece) => {
        const from = Math.floor(((trail.length - 1) * piece) / pieces);
        const to = Math.floor(((trail.length - 1) * (piece + 1)) / pieces);
        const points = trail
          .slice(from, to + 1)
          .map(({ x, y }) => `${x},${y}`)
          .join(" ");
        return (
          <g key={opacity} opacity={opacity}>
            <polyline className="halo" points={points} strokeWidth={4.5 * unit} />
            <polyline className="edge" points={points} stroke={colour} strokeWidth={2.5 * unit} />
          </g>
        );
      })}
    </g>
  );
}

function Label({ mark, unit, within }: MarkProps & { within: TrackDocument }) {
  const { track, box, colour } = mark;
  const text = nameOf({ ...track, className: shortened(track.className) });
  const width = (textWidthPx(text) + 10) * unit;
  const height = 1.5 * LABEL_PX * unit;
  // Above the box; inside it where there is no room. Never outside the picture.
  const x = Math.max(0, Math.min(box.x - unit, within.width - width));
  const y = box.y >= height ? box.y - height : box.y;
  return (
    <g className={classOf("track-label", mark)} data-track={track.id}>
      <rect x={x} y={y} width={width} height={height} rx={3 * unit} fill={colour} />
      <text x={x + 5 * unit} y={y + 0.75 * height} fontSize={LABEL_PX * unit}>
        {text}
      </text>
    </g>
  );
}

function shortened(name: string): string {
  const letters = [...name];
  return letters.length <= LONGEST_CLASS ? name : `${letters.slice(0, LONGEST_CLASS - 1).join("")}…`;
}

const widths = new Map<string, number>();
let pen: CanvasRenderingContext2D | null = null;

/** Returns the width of a label's text, in pixels of the page. */
function textWidthPx(text: string): number {
  const known = widths.get(text);
  if (known !== undefined) return known;
  pen ??= window.document.createElement("canvas").getContext("2d");
  if (pen !== null) pen.font = LABEL_FONT;
  const width = pen?.measureText(text).width ?? text.length * LABEL_PX * 0.6;
  if (widths.size > 5000) widths.clear();
  widths.set(text, width);
  return width;
}

/** Returns how many pixels of the picture a pixel of the page has, so that lines and labels keep their size. */
function useUnit(group: RefObject<SVGGElement | null>, { width, height }: TrackDocument): number {
  const [unit, setUnit] = useState(1);
  useEffect(() => {
    const svg = group.current?.ownerSVGElement;
    if (svg === null || svg === undefined) return;
    const observer = new ResizeObserver(([entry]) => {
      const shown = entry?.contentRect;
      if (shown === undefined || shown.width === 0 || shown.height === 0) return;
      setUnit(Math.max(width / shown.width, height / shown.height));
    });
    observer.observe(svg);
    return () => observer.disconnect();
  }, [group, width, height]);
  return unit;
}
