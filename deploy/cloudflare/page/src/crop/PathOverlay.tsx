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
  // The point of the frame that is shown lies above those of others, which may be at the same place.
  const shown = draggable(keyframes.length, Math.max(current, 0)).filter((index) => index !== current);
  if (current >= 0) shown.push(current);
  return (
    <g className="path">
      <PathCurve keyframes={keyframes} picture={picture} />
      {shown.map((index) => {
        const keyframe = keyframes[index];
        if (keyframe === undefined) return null;
        return (
          <PathPoint
            key={index}
            keyframe={keyframe}
            isCurrent={index === current}
            {...(onGrab !== undefined && onCentre !== undefined
              ? { onGrab: () => onGrab(index), onCentre: (centre) => onCentre(index, centre) }
              : {})}
          />
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
      <polyline className="path-curve" points={line} data-testid="path-curve" />
    </>
  );
});

interface PathPointProps {
  keyframe: Keyframe;
  isCurrent: boolean;
  onGrab?: () => void;
  onCentre?: (centre: { x: number; y: number }) => void;
}

function PathPoint({ keyframe, isCurrent, onGrab, onCentre }: PathPointProps) {
  const { x, y } = centreOf(keyframe);
  const drag = useDrag(
    (event) => {
      const under = pointUnder(event);
      onGrab?.();
      return { dx: x - under.x, dy: y - under.y };
    },
    ({ dx, dy }, event) => {
      const under = pointUnder(event);
      onCentre?.({ x: under.x + dx, y: under.y + dy });
    },
  );
  // A line without length has round ends: a dot whose size does not depend on that of the picture.
  const dot = `M${x} ${y}h0.001`;
  return (
    <g className={isCurrent ? "path-point current" : "path-point"} data-t={keyframe.t}>
      <path className="path-dot under" d={dot} />
      <path className="path-dot" d={dot} />
      {onCentre !== undefined && <path ref={keepsTouch} className="path-dot-area" d={dot} {...drag} />}
    </g>
  );
}
