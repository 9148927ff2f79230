/** Shows two pictures of the same size and place: one over the other with a divider between them, or side by side. */

import {
  type CSSProperties,
  type PointerEvent,
  type ReactNode,
  type RefObject,
  useEffect,
  useRef,
  useState,
} from "react";
import { useDevicePixelRatio, useSize } from "./layout.ts";
import {
  centreKeeping,
  closer,
  MIDDLE,
  moved,
  type Placement,
  type Point,
  place,
  type Size,
  ZOOMS,
  type Zoom,
} from "./zoom.ts";
import "./Comparison.css";

/** What a chart moves: the pictures of its points. */
export interface Seekable {
  /** Shows the frame at a time of the output, in seconds from its first frame, and scrolls to it. */
  seek: (timeS: number) => void;
}

/** How the two pictures are put together. */
export type Arrangement = "slider" | "side";

interface ComparisonProps {
  /** The element that holds the pictures. */
  frame: RefObject<HTMLDivElement | null>;
  /** The size of the output, in its own pixels. Both pictures are shown at this size. */
  size: Size;
  arrangement: Arrangement;
  zoom: Zoom;
  onZoom: (zoom: Zoom) => void;
  /** What stands on the pictures, such as `Before`. */
  labels: [before: string, after: string];
  before: (style: CSSProperties) => ReactNode;
  after: (style: CSSProperties) => ReactNode;
}

export function Comparison(props: ComparisonProps) {
  const { frame, size, arrangement, zoom, onZoom, labels, before, after } = props;
  const [divider, setDivider] = useState(50);
  const [centre, setCentre] = useState<Point>(MIDDLE);
  const ratio = useDevicePixelRatio();
  const { size: view, ref: layer } = useSize();
  const placed = place(size, view, zoom, ratio, centre);

  const pan = (x: number, y: number) => setCentre(moved(placed, view, { x, y }));
  const zoomAt = (steps: number, at: Point) => {
    const next = closer(zoom, steps);
    if (next === zoom) return;
    setCentre(centreKeeping(at, placed, size, view, next, ratio));
    onZoom(next);
  };
  const drag = useDrag({
    onStart: (x) => {
      if (arrangement === "slider" && zoom === "fit") setDivider((100 * x) / view.width);
    },
    onMove: (x, by) => {
      if (zoom !== "fit") pan(by.x, by.y);
      else if (arrangement === "slider") setDivider(Math.min(Math.max((100 * x) / view.width, 0), 100));
    },
  });
  useWheel(frame, (event) => {
    const at = pointIn(event);
    if (event.ctrlKey) {
      zoomAt(event.deltaY < 0 ? 1 : -1, at);
    } else if (zoom !== "fit") {
      pan(event.shiftKey ? -event.deltaY : -event.deltaX, event.shiftKey ? 0 : -event.deltaY);
    } else return;
    event.preventDefault();
  });

  const isSlider = arrangement === "slider";
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the slider inside, and the keys of the stage around it, do the same.
    <div
      ref={frame}
      className={`comparison ${arrangement} ${zoom === "fit" ? "fitted" : "zoomed"}`}
      style={frameStyle(size, isSlider)}
      onDoubleClick={(event) => zoomAt(zoom === "fit" ? 1 : -ZOOMS.length, pointIn(event))}
      {...drag}
    >
      <div className="comparison-layer" ref={layer}>
        {before(pictureStyle(placed, false))}
        <span className="comparison-label before">{labels[0]}</span>
      </div>
      <div
        className="comparison-layer"
        style={isSlider ? { clipPath: `inset(0 0 0 ${divider}%)` } : undefined}
      >
        {after(pictureStyle(placed, zoom !== "fit"))}
        <span className="comparison-label after">{labels[1]}</span>
      </div>
      {isSlider && (
        <>
          <input
            className="comparison-divider"
            type="range"
            min={0}
            max={100}
            step={1}
            value={divider}
            aria-label="Divider between before and after"
            aria-valuetext={`${Math.round(divider)} % before, ${Math.round(100 - divider)} % after`}
            onChange={(event) => setDivider(Number(event.target.value))}
          />
          <div className="comparison-line" style={{ left: `${divider}%` }}>
            <svg className="comparison-grip" viewBox="0 0 24 24" aria-hidden="true">
              <path d="m9 6-6 6 6 6M15 6l6 6-6 6" />
            </svg>
          </div>
        </>
      )}
    </div>
  );
}

function frameStyle({ width, height }: Size, isSlider: boolean): CSSProperties {
  const columns = isSlider ? 1 : 2;
  // Never so high that the buttons under it leave the screen.
  return {
    aspectRatio: `${columns * width} / ${height}`,
    width: `min(100%, ${((70 * columns * width) / height).toFixed(3)}vh)`,
  };
}

function pictureStyle({ width, height, x, y }: Placement, showsPixels: boolean): CSSProperties {
  return {
    width: `${width}px`,
    height: `${height}px`,
    transform: `translate(${x}px, ${y}px)`,
    imageRendering: showsPixels ? "pixelated" : "auto",
  };
}

/** Returns where a pointer is in the picture under it, in CSS pixels. */
function pointIn(event: {
  target: EventTarget | null;
  currentTarget: EventTarget | null;
  clientX: number;
  clientY: number;
}): Point {
  const layer = (event.target as Element).closest(".comparison-layer") ?? (event.currentTarget as Element);
  const { left, top } = layer.getBoundingClientRect();
  return { x: event.clientX - left, y: event.clientY - top };
}

interface Drag {
  onStart: (x: number) => void;
  /** `x` from the left edge of the element, and by how much the pointer has moved, in CSS pixels. */
  onMove: (x: number, by: Point) => void;
}

/** Follows a pointer that is pressed on an element. The divider has a drag of its own. */
function useDrag({ onStart, onMove }: Drag) {
  const last = useRef<Point | null>(null);
  const xOf = (event: PointerEvent<HTMLElement>) =>
    event.clientX - event.currentTarget.getBoundingClientRect().left;
  const end = () => {
    last.current = null;
  };
  return {
    onPointerDown: (event: PointerEvent<HTMLElement>) => {
      if (event.button !== 0 || event.target instanceof HTMLInputElement) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      last.current = { x: event.clientX, y: event.clientY };
      onStart(xOf(event));
    },
    onPointerMove: (event: PointerEvent<HTMLElement>) => {
      if (last.current === null) return;
      const by = { x: event.clientX - last.current.x, y: event.clientY - last.current.y };
      last.current = { x: event.clientX, y: event.clientY };
      onMove(xOf(event), by);
    },
    onPointerUp: end,
    onPointerCancel: end,
  };
}

/** Listens to the wheel so that a picture can keep it from scrolling the page, which React's own listener cannot. */
function useWheel(element: { current: HTMLElement | null }, onWheel: (event: WheelEvent) => void): void {
  const newest = useRef(onWheel);
  newest.current = onWheel;
  useEffect(() => {
    const listening = new AbortController();
    element.current?.addEventListener("wheel", (event) => newest.current(event), {
      passive: false,
      signal: listening.signal,
    });
    return () => listening.abort();
  }, [element]);
}
