/** Draws the curve that the crop's centre follows, with a point for each keyframe, which can be dragged. */

import { memo } from "react";
import { centreOf, type PictureSize } from "./crop_box.ts";
import { centresOf, type Keyframe } from "./crop_path.ts";
import { keepsTouch, pointUnder, useDrag } from "./drag.ts";
import "./PathOverlay.css";

/** Of longer paths only so many keyframes around the one that is shown have points to drag. */
const MOST_POINTS = 60;

/** Returns the indices of the keyframes that can be dragged: all of a short path, or those around one. */
export function draggable(count: number, around: number): number[] {
  const first = Math.min(Math.max(0, around - MOST_POINTS / 2), Math.max(0, count - MOST_POINTS));
  return Array.from({ length: Math.min(count, MOST_POINTS) }, (_, n) => first + n);
}

interface PathOverlayProps {
  keyframes: readonly Keyframe[];
  picture: PictureSize;
  /** The keyframe of the frame that is shown; -1 if it has none. */
  current: number;
  /** Is called when a point is grabbed, with the index of its keyframe. Without it, points cannot be dragged. */
  onGrab?: (index: number) => void;
  /** Is called when the point of a keyframe is dragged, with the crop's new centre. */
  onCentre?: (index: number, centre: { x: number; y: number }) => void;
}

export function PathOverlay({ keyframes, picture, current, onGrab, onCentre }: PathOverlayProps) {
  // The group follows the pointer, because the points change their order while one of them is dragged.
  const drag = useDrag(
    (event) => {
      const point = event.target instanceof Element ? event.target.closest("[data-keyframe]") : null;
      const index = Number(point?.getAttribute("data-keyframe") ?? -1);
      const keyframe = keyframes[index];
      if (keyframe === undefined || onCentre === undefined) return null;
      const [centre, under] = [centreOf(keyframe), pointUnder(event)];
      onGrab?.(index);
      return { index, dx: centre.x - under.x, dy: centre.y - under.y };
    },
    ({ index, dx, dy }, event) => {
      const under = pointUnder(event);
      onCentre?.(index, { x: under.x + dx, y: under.y + dy });
    },
  );
  // The point of the frame that is shown lies above those of others, which may be at the same place.
  const shown = draggable(keyframes.length, Math.max(current, 0)).filter((index) => index !== current);
  if (current >= 0) shown.push(current);
  return (
    <g className={onCentre === undefined ? "path" : "path editable"} {...drag}>
      <PathCurve keyframes={keyframes} picture={picture} />
      {shown.map((index) => {
        const keyframe = keyframes[index];
        return keyframe === undefined ? null : (
          <PathPoint key={index} keyframe={keyframe} index={index} isCurrent={index === current} />
        );
      })}
    </g>
  );
}

const PathCurve = memo(function PathCurve(props: { keyframes: readonly Keyframe[]; picture: PictureSize }) {
  const points = centresOf(props.keyframes, props.picture);
  const line = points.map(({ x, y }) => `${x.toFixed(2)},${y.toFixed(2)}`).join(" ");
  return (
    <>
      <polyline className="path-curve under" points={line} />
      <polyline className="path-curve" points={line} />
    </>
  );
});

interface PathPointProps {
  keyframe: Keyframe;
  index: number;
  isCurrent: boolean;
}

function PathPoint({ keyframe, index, isCurrent }: PathPointProps) {
  const { x, y } = centreOf(keyframe);
  // A line without length has round ends: a dot whose size does not depend on that of the picture.
  const dot = `M${x} ${y}h0.001`;
  return (
    <g className={isCurrent ? "path-point current" : "path-point"} data-keyframe={index}>
      <path className="path-dot under" d={dot} />
      <path className="path-dot" d={dot} />
      <path ref={keepsTouch} className="path-dot-area" d={dot} />
    </g>
  );
}
