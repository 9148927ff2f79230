/** Draws the crop of an order over the picture, with its path, and changes the order as they are dragged. */

import type { VideoClock } from "../video/clock.ts";
import { CropOverlay } from "./CropOverlay.tsx";
import { EVEN_SIDES, type PictureSize, THOUSANDTHS, wholePicture } from "./crop_box.ts";
import { aspectOfPath, cropAt, keyframeAt, withCentreMoved, withKeyframe } from "./crop_path.ts";
import { type ExportOrder, keyframesOf, sentCrop, stillBoxOf } from "./export_order.ts";
import { FollowedCrop } from "./FollowedCrop.tsx";
import { PathOverlay } from "./PathOverlay.tsx";

interface EditedCropProps {
  order: ExportOrder;
  picture: PictureSize;
  /** width : height, which the crop keeps; null if both sides change freely. A path has one of its own. */
  aspect: number | null;
  /** The job that has found the path of a crop that follows a person; null if there is none. */
  previewJobId: string | null;
  clock: VideoClock;
}

/** The id of the text under the picture that explains the keys of the crop box. */
export const CROP_HELP_ID = "crop-help";

export function EditedCrop({ order, picture, aspect, previewJobId, clock }: EditedCropProps) {
  const { params, change } = order;
  const keyframes = keyframesOf(params);
  if (params.follow) {
    return (
      <FollowedCrop
        follow={params.follow}
        jobId={order.followJobId}
        previewJobId={previewJobId}
        picture={picture}
        clock={clock}
      />
    );
  }
  if (keyframes === null) {
    return (
      <CropOverlay
        box={stillBoxOf(params) ?? wholePicture(picture)}
        picture={picture}
        aspect={aspect}
        grid={EVEN_SIDES}
        helpId={CROP_HELP_ID}
        onGrab={clock.pause}
        onChange={(box) => change({ crop: sentCrop(box, picture) })}
      />
    );
  }
  const current = keyframeAt(keyframes, clock.frame, clock.times);
  return (
    <>
      <CropOverlay
        box={cropAt(keyframes, clock.timeS, picture)}
        picture={picture}
        aspect={aspectOfPath(keyframes)}
        grid={THOUSANDTHS}
        helpId={CROP_HELP_ID}
        onGrab={clock.pause}
        onChange={(box) => change({ crop: withKeyframe(keyframes, clock.frame, box, clock.times) })}
      />
      <PathOverlay
        keyframes={keyframes}
        picture={picture}
        current={current}
        onGrab={(index) => {
          clock.pause();
          clock.seek(keyframes[index]?.t ?? 0);
        }}
        onCentre={(index, centre) => change({ crop: withCentreMoved(keyframes, index, centre, picture) })}
      />
    </>
  );
}
