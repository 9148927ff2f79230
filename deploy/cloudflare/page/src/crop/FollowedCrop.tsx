/** Draws whom a crop follows, and the path that the worker has found for it. */

import { useJob } from "../api/queries.ts";
import type { ExportParams } from "../state/client_state.ts";
import { colourOf } from "../tracks/colour.ts";
import type { VideoClock } from "../video/clock.ts";
import type { PictureSize } from "./crop_box.ts";
import { boxOfTrack, useTracksOf } from "./followed_tracks.ts";
import { pathOf } from "./PathPreview.tsx";
import { ShownCrop } from "./ShownCrop.tsx";

interface FollowedCropProps {
  follow: NonNullable<ExportParams["follow"]>;
  /** The job that has found the tracks. */
  jobId: string | null;
  /** The job that has found the path; null if there is none. */
  previewJobId: string | null;
  picture: PictureSize;
  clock: VideoClock;
}

export function FollowedCrop({ follow, jobId, previewJobId, picture, clock }: FollowedCropProps) {
  return (
    <>
      {previewJobId !== null && <FoundPath jobId={previewJobId} picture={picture} clock={clock} />}
      {jobId !== null && follow.track !== "main" && (
        <FollowedBox jobId={jobId} track={follow.track} frame={clock.frame} />
      )}
    </>
  );
}

function FoundPath({ jobId, picture, clock }: { jobId: string; picture: PictureSize; clock: VideoClock }) {
  const keyframes = pathOf(useJob(jobId).data);
  return keyframes === null ? null : <ShownCrop crop={keyframes} picture={picture} clock={clock} />;
}

function FollowedBox({ jobId, track, frame }: { jobId: string; track: number; frame: number }) {
  const document = useTracksOf(jobId);
  const box = document === null ? null : boxOfTrack(document, track, frame);
  if (box === null) return null;
  const { x, y, width, height } = box;
  return (
    <rect
      className="followed-box"
      x={x}
      y={y}
      width={width}
      height={height}
      style={{ stroke: colourOf(track) }}
    />
  );
}
