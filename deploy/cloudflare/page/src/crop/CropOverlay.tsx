/** Draws the crop box over the picture, and lets pointers and keys move and resize it. */

import { type KeyboardEvent, useState } from "react";
import {
  type Box,
  type Grid,
  HANDLES,
  type Handle,
  isWholePicture,
  moved,
  type PictureSize,
  resized,
  zoomed,
} from "./crop_box.ts";
import { keepsTouch, pointUnder, useDrag } from "./drag.ts";
import "./CropOverlay.css";

interface CropOverlayProps {
  box: Box;
  picture: PictureSize;
  /** width : height, which the box keeps; null if both sides change freely. */
  aspect: number | null;
  grid: Grid;
  /** The id of the text that explains the keys. */
  helpId: string;
  /** Is called before the box changes by a drag or a key, such as to stop the video. */
  onGrab: () => void;
  onChange: (box: Box) => void;
}

/** By how much a key changes the box, in pixels, and with Shift. */
const STEP_PX = 1;
const LONG_STEP_PX = 10;

/** What is drawn later lies above: a corner is hit before the edges that meet there. */
const EDGES_FIRST = HANDLES.toSorted((a, b) => a.length - b.length);

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export function CropOverlay({ box, picture, aspect, grid, helpId, onGrab, onChange }: CropOverlayProps) {
  const [isDragged, setDragged] = useState(false);
  const grab = (event: Parameters<typeof pointUnder>[0]) => {
    onGrab();
    setDragged(true);
    return { from: pointUnder(event), box, handle: event.currentTarget.dataset.handle as Handle | undefined };
  };
  const drag = useDrag(
    grab,
    ({ from, box: start, handle }, event) => {
      const to = pointUnder(event);
      const [dx, dy] = [to.x - from.x, to.y - from.y];
      onChange(
        handle === undefined
          ? moved(start, dx, dy, picture, grid)
          : resized(start, handle, dx, dy, picture, aspect, grid),
      );
    },
    () => setDragged(false),
  );

  const onKeyDown = (event: KeyboardEvent) => {
    const next = boxAfterKey(event, box, picture, aspect, grid);
    if (next === null) return;
    event.preventDefault();
    event.stopPropagation();
    onGrab();
    onChange(next);
  };

  const { x, y, w, h } = box;
  return (
    // biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: keys operate the crop box, as the role says.
    <g
      className={isDragged ? "crop dragged" : "crop"}
      role="application"
      aria-roledescription="crop box"
      aria-label={`Crop box, ${words(box)}`}
      aria-describedby={helpId}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <path
        className="crop-shade"
        d={`M0 0H${picture.width}V${picture.height}H0ZM${x} ${y}v${h}h${w}v${-h}Z`}
        fillRule="evenodd"
      />
      <path className="crop-thirds" d={thirds(box)} />
      <rect
        className="crop-inside"
        // A box that cannot be moved lets a finger scroll the page.
        ref={isWholePicture(box, picture) ? undefined : keepsTouch}
        x={x}
        y={y}
        width={w}
        height={h}
        {...drag}
      />
      <rect className="crop-edge" x={x} y={y} width={w} height={h} />
      {EDGES_FIRST.map((handle) => (
        <g key={handle} className={`crop-handle ${handle}`}>
          <path className="crop-handle-mark under" d={handlePath(box, handle, 0.2)} />
          <path className="crop-handle-mark" d={handlePath(box, handle, 0.2)} />
          <path
            ref={keepsTouch}
            className="crop-handle-area"
            data-handle={handle}
            d={handlePath(box, handle, 1)}
            {...drag}
          />
        </g>
      ))}
    </g>
  );
}

/** Returns the box after a key; null if the key means nothing here. */
function boxAfterKey(
  event: KeyboardEvent,
  box: Box,
  picture: PictureSize,
  aspect: number | null,
  grid: Grid,
): Box | null {
  if (event.ctrlKey || event.metaKey) return null;
  const arrow = ARROWS[event.key];
  if (arrow !== undefined) {
    const [right, down] = arrow;
    const step = event.shiftKey ? LONG_STEP_PX : STEP_PX;
    if (!event.altKey) return moved(box, right * step, down * step, picture, grid);
    const longer = Math.max(step, grid.side);
    return resized(box, right === 0 ? "s" : "e", right * longer, down * longer, picture, aspect, grid);
  }
  if (event.key === "+" || event.key === "=") return zoomed(box, LONG_STEP_PX, picture, aspect, grid);
  if (event.key === "-" || event.key === "_") return zoomed(box, -LONG_STEP_PX, picture, aspect, grid);
  return null;
}

function words({ x, y, w, h }: Box): string {
  const [left, top, wide, high] = [x, y, w, h].map((value) => Math.round(value));
  return `${wide} by ${high} pixels at ${left}, ${top}`;
}

/** Returns the lines that divide a box into thirds. */
function thirds({ x, y, w, h }: Box): string {
  const lines = [1, 2].map((n) => `M${x + (w * n) / 3} ${y}v${h}M${x} ${y + (h * n) / 3}h${w}`);
  return lines.join("");
}

/** Returns the place of a handle: a point at a corner, or so much of an edge, in its middle. */
function handlePath({ x, y, w, h }: Box, handle: Handle, share: number): string {
  const rest = (1 - share) / 2;
  const left = handle.includes("w") ? x : handle.includes("e") ? x + w : x + w * rest;
  const top = handle.includes("n") ? y : handle.includes("s") ? y + h : y + h * rest;
  if (handle.length === 2) return `M${left} ${top}h0.001`;
  return handle === "n" || handle === "s" ? `M${left} ${top}h${w * share}` : `M${left} ${top}v${h * share}`;
}
