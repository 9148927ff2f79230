/** Reads and changes what has been set up for an export, in the client state. */

import { type ExportParams, NEW_ORDER, useClientState, useOrder } from "../state/client_state.ts";
import { ASPECT_TOLERANCE, parsedAspect } from "./aspect_presets.ts";
import { type Box, isWholePicture, type PictureSize } from "./crop_box.ts";
import type { Keyframe } from "./crop_path.ts";
import { cropSize } from "./output_size.ts";

export type Params = Partial<ExportParams>;

/** How the crop behaves over time. */
export type CropMode = "still" | "path" | "follow";

/** Returns how the crop of an order behaves. */
export function modeOf({ crop, follow }: Params): CropMode {
  return follow ? "follow" : Array.isArray(crop) ? "path" : "still";
}

/** Returns the keyframes of an order; null if its crop does not move along a path. */
export function keyframesOf({ crop }: Params): Keyframe[] | null {
  return Array.isArray(crop) ? crop : null;
}

/** Returns the crop of an order that does not move; null if it is the whole picture. */
export function stillBoxOf({ crop }: Params): Box | null {
  return crop == null || Array.isArray(crop) ? null : crop;
}

/** Returns a crop as it is sent: null for the whole picture. */
export function sentCrop(box: Box, picture: PictureSize): Box | null {
  return isWholePicture(box, picture) ? null : box;
}

/**
 * Returns params with changes, without the fields that have their defaults. A size that does not fit the crop's new
 * aspect ratio is dropped, because its pixels would not be square.
 */
function changedParams(params: Params, change: Params, picture: PictureSize | null): Params {
  const all = { ...params, ...change };
  const isReshaped = "crop" in change || "follow" in change;
  if (isReshaped && picture !== null && typeof all.size === "string") {
    const { width, height } = cropSize(all, picture);
    const off = Math.abs(((parsedAspect(all.size) ?? 0) * height) / width - 1);
    if (off > ASPECT_TOLERANCE) all.size = null;
  }
  if (all.upscale !== true) delete all.upscale_model;
  const isDefault = ([name, value]: [string, unknown]) =>
    value === null || value === undefined || value === false || (name === "quality" && value === "high");
  return Object.fromEntries(Object.entries(all).filter((entry) => !isDefault(entry))) as Params;
}

/** The export that is set up for an upload, and what changes it. */
export interface ExportOrder {
  params: Params;
  followJobId: string | null;
  /** Whether it is not chosen yet whom the crop follows. */
  isChoosingSubject: boolean;
  chooseSubject: (isChoosing: boolean) => void;
  change: (change: Params) => void;
  /** Lets the crop follow a track of a job, or a subject of its choice; null ends it. */
  follow: (follow: ExportParams["follow"], jobId: string | null) => void;
  /** Takes a path to be edited, in place of following. */
  edit: (keyframes: Keyframe[]) => void;
}

/**
 * Returns the export that is set up for an upload.
 *
 * @param picture the size of the picture; null if it is not known.
 */
export function useExportOrder(uploadId: string, picture: PictureSize | null): ExportOrder {
  const order = useOrder(uploadId);
  const { changeOrder } = useClientState.getState();
  // What is there now counts, not what was there when this was rendered: a drag changes it many times in between.
  const now = () => (useClientState.getState().orders[uploadId] ?? NEW_ORDER).export;
  return {
    params: order.export,
    followJobId: order.followJobId,
    isChoosingSubject: order.isChoosingSubject,
    chooseSubject: (isChoosingSubject) => changeOrder(uploadId, { isChoosingSubject }),
    change: (change) => changeOrder(uploadId, { export: changedParams(now(), change, picture) }),
    follow: (follow, jobId) =>
      changeOrder(uploadId, {
        export: changedParams(now(), { follow, crop: null }, picture),
        followJobId: follow === null ? null : jobId,
        isChoosingSubject: false,
      }),
    edit: (keyframes) =>
      changeOrder(uploadId, {
        export: changedParams(now(), { follow: null, tracks: null, crop: keyframes }, picture),
        followJobId: null,
      }),
  };
}
