/** Draws a crop that cannot be changed here, and its path if it moves. */

import type { VideoClock } from "../video/clock.ts";
import type { Box, PictureSize } from "./crop_box.ts";
import { cropAt, type Keyframe, keyframeAt } from "./crop_path.ts";
import { PathOverlay } from "./PathOverlay.tsx";
import "./CropOverlay.css";

interface ShownCropProps {
  crop: Box | Keyframe[];
  picture: PictureSize;
  clock: VideoClock;
}

export function ShownCrop({ crop, picture, clock }: ShownCropProps) {
  const isMoving = Array.isArray(crop);
  const { x, y, w, h } = isMoving ? cropAt(crop, clock.timeS, picture) : crop;
  return (
    <>
      <g className="crop shown">
        <path
          className="crop-shade"
          d={`M0 0H${picture.width}V${picture.height}H0ZM${x} ${y}v${h}h${w}v${-h}Z`}
          fillRule="evenodd"
        />
        <rect className="crop-edge" x={x} y={y} width={w} height={h} />
      </g>
      {isMoving && (
        <PathOverlay
          keyframes={crop}
          picture={picture}
          current={keyframeAt(crop, clock.frame, clock.times)}
        />
      )}
    </>
  );
}
