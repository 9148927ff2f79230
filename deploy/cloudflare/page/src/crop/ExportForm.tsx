/** Sets up an export on the picture: the crop, its path, the part of the video, the format. */

import { useState } from "react";
import { useUpload } from "../api/queries.ts";
import type { VideoFacts } from "../media/probe.ts";
import { useSourcePicture } from "../media/source_picture.ts";
import { UnreachablePictures } from "../media/UnreachablePictures.tsx";
import { useVideoFacts } from "../media/video_facts.ts";
import type { TaskFormProps } from "../order/task_form.ts";
import { Notice } from "../ui/Notice.tsx";
import { Skeleton } from "../ui/Skeleton.tsx";
import type { VideoClock } from "../video/clock.ts";
import { PictureStage } from "../video/PictureStage.tsx";
import { aspectOf, type Shape, shapeOf } from "./aspect_presets.ts";
import { CropPanel } from "./CropPanel.tsx";
import type { PictureSize } from "./crop_box.ts";
import { keyframeAt, withKeyframeMoved, withoutKeyframe } from "./crop_path.ts";
import { EditedCrop } from "./EditedCrop.tsx";
import { type ExportOrder, keyframesOf, stillBoxOf, useExportOrder } from "./export_order.ts";
import { FormSection } from "./FormSection.tsx";
import { KeyframeMarks } from "./KeyframeMarks.tsx";
import { OutputFields } from "./OutputFields.tsx";
import { PartFields } from "./PartFields.tsx";
import { PartTimeline } from "./PartTimeline.tsx";
import { TimeFields } from "./TimeFields.tsx";
import { type Part, partOf, timesOf } from "./trim.ts";
import "./ExportForm.css";

export function ExportForm({ uploadId, facts }: TaskFormProps) {
  const upload = useUpload(uploadId);
  const { isReading } = useVideoFacts(upload.data);
  if (facts !== null) return <Editor uploadId={uploadId} facts={facts} />;
  return isReading ? (
    <Skeleton height="30rem" label="Reading the video" />
  ) : (
    <UnknownVideo uploadId={uploadId} />
  );
}

/** The form for a video whose size and length are not known here: without what needs a picture. */
function UnknownVideo({ uploadId }: { uploadId: string }) {
  const order = useExportOrder(uploadId, null);
  return (
    <>
      <UnreachablePictures />
      <Notice kind="warn" title="The video cannot be read here.">
        The worker reads many more formats. You can still export the whole picture, and enter the start and
        the end as times.
      </Notice>
      <FormSection title="Part">
        <TimeFields order={order} />
      </FormSection>
      <FormSection title="Output">
        <OutputFields order={order} picture={null} partS={null} />
      </FormSection>
    </>
  );
}

function Editor({ uploadId, facts }: { uploadId: string; facts: VideoFacts }) {
  const source = useSourcePicture(uploadId);
  const order = useExportOrder(uploadId, facts);
  const [shape, setShape] = useState<Shape>(() => firstShape(order, facts));
  // The path that was found for one thing to follow is not that of another.
  const followed = JSON.stringify([order.followJobId, order.params.follow]);
  const [preview, setPreview] = useState<{ followed: string; jobId: string } | null>(null);
  const previewJobId = preview?.followed === followed ? preview.jobId : null;
  return (
    <div className="export-form">
      <UnreachablePictures />
      <PictureStage
        picture={source}
        facts={facts}
        label="Source with the crop"
        overlay={(clock) => (
          <EditedCrop
            order={order}
            picture={facts}
            aspect={aspectOf(shape, facts)}
            previewJobId={previewJobId}
            clock={clock}
          />
        )}
      >
        {(clock) => (
          <Panels
            uploadId={uploadId}
            facts={facts}
            order={order}
            shape={shape}
            onShape={setShape}
            previewJobId={previewJobId}
            onPreview={(jobId) => setPreview({ followed, jobId })}
            clock={clock}
          />
        )}
      </PictureStage>
    </div>
  );
}

interface PanelsProps {
  uploadId: string;
  facts: VideoFacts;
  order: ExportOrder;
  shape: Shape;
  onShape: (shape: Shape) => void;
  previewJobId: string | null;
  onPreview: (jobId: string) => void;
  clock: VideoClock;
}

/** Returns the shape that a crop had when it was set up; a crop that is the whole picture is free. */
function firstShape({ params }: ExportOrder, picture: PictureSize): Shape {
  const box = stillBoxOf(params) ?? keyframesOf(params)?.[0] ?? null;
  return box === null ? "free" : shapeOf(box, picture);
}

function Panels(props: PanelsProps) {
  const { facts, order, clock } = props;
  const { params, change } = order;
  const { times, frame } = clock;
  const part = partOf(params.start, params.end, times.startsS);
  const onPart = (next: Part) => change(timesOf(next, times.startsS));
  const showFrame = (wanted: number) => {
    clock.pause();
    clock.seek(times.timeOf(wanted));
  };
  const keyframes = keyframesOf(params);
  return (
    <>
      <PartTimeline times={times} part={part} frame={frame} onPart={onPart} onFrame={showFrame}>
        {keyframes !== null && (
          <KeyframeMarks
            keyframes={keyframes}
            times={times}
            current={keyframeAt(keyframes, frame, times)}
            onShow={(index) => showFrame(times.frameAt(keyframes[index]?.t ?? 0))}
            onMove={(index, to) => {
              const next = withKeyframeMoved(keyframes, index, to, times);
              change({ crop: next });
              showFrame(times.frameAt(next[index]?.t ?? 0));
            }}
            onDelete={(index) => change({ crop: withoutKeyframe(keyframes, index) })}
          />
        )}
      </PartTimeline>
      <PartFields times={times} part={part} frame={frame} onPart={onPart} />
      <CropPanel {...props} part={part} showFrame={showFrame} />
      <FormSection title="Output">
        <OutputFields
          order={order}
          picture={facts}
          partS={times.endOf(part.last) - times.timeOf(part.first)}
        />
      </FormSection>
    </>
  );
}
