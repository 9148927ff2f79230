/** Settings of the crop: whether it stands still, moves along a path or follows a person, its shape and its numbers. */

import { useState } from "react";
import type { VideoFacts } from "../media/probe.ts";
import { Choice } from "../ui/Choice.tsx";
import type { VideoClock } from "../video/clock.ts";
import { aspectOf, type Shape, shapeOf } from "./aspect_presets.ts";
import { BoxFields, ShapeChoice } from "./CropFields.tsx";
import {
  around,
  type Box,
  centreOf,
  EVEN_SIDES,
  largestOfAspect,
  THOUSANDTHS,
  wholePicture,
} from "./crop_box.ts";
import {
  aspectOfPath,
  cropAt,
  type Keyframe,
  keyframeAt,
  newPath,
  reshapedPath,
  withKeyframe,
  withoutKeyframe,
} from "./crop_path.ts";
import { CROP_HELP_ID } from "./EditedCrop.tsx";
import {
  type CropMode,
  type ExportOrder,
  keyframesOf,
  modeOf,
  sentCrop,
  stillBoxOf,
} from "./export_order.ts";
import { FollowPanel } from "./FollowPanel.tsx";
import { FormSection } from "./FormSection.tsx";
import { PathButtons } from "./PathButtons.tsx";
import type { Part } from "./trim.ts";

const MODES = [
  { value: "still", label: "Fixed" },
  { value: "path", label: "Move along a path" },
  { value: "follow", label: "Follow a person" },
] as const;

/** A new path of a crop that is the whole picture begins with a crop of half its width, because that can move. */
const NEW_PATH_ZOOM = 2;

interface CropPanelProps {
  uploadId: string;
  facts: VideoFacts;
  order: ExportOrder;
  shape: Shape;
  onShape: (shape: Shape) => void;
  clock: VideoClock;
  part: Part;
  previewJobId: string | null;
  onPreview: (jobId: string) => void;
  /** Shows a frame. */
  showFrame: (frame: number) => void;
}

export function CropPanel(props: CropPanelProps) {
  const { uploadId, facts, order, onShape, clock, part } = props;
  const { params, change } = order;
  // A path that was left for another mode comes back with its mode.
  const [leftPath, setLeftPath] = useState<Keyframe[] | null>(null);
  const mode = order.isChoosingSubject ? "follow" : modeOf(params);
  const keyframes = keyframesOf(params);
  // A path has the shape of its keyframes, wherever it comes from.
  const shape = keyframes?.[0] === undefined ? props.shape : shapeOf(keyframes[0], facts);

  const onMode = (next: CropMode) => {
    order.chooseSubject(next === "follow" && !params.follow);
    if (next === "follow" || next === modeOf(params)) return;
    if (order.params.follow) order.follow(null, null);
    if (next === "still") {
      setLeftPath(keyframes);
      change({ crop: keyframes === null ? null : roundedBox(cropAt(keyframes, clock.timeS, facts)) });
    } else {
      change({ crop: leftPath ?? newPath(stillBoxOf(params) ?? halfOf(facts), part, clock.times) });
    }
  };
  const onShapeChange = (next: Shape) => {
    onShape(next);
    const aspect = aspectOf(next, facts);
    if (aspect === null) return;
    if (keyframes !== null) {
      change({ crop: reshapedPath(keyframes, aspect, facts) });
      return;
    }
    const { w, h } = largestOfAspect(aspect, facts);
    change({
      crop: sentCrop(around(centreOf(stillBoxOf(params) ?? wholePicture(facts)), w, h, facts), facts),
    });
  };

  return (
    <FormSection title="Crop">
      <Choice label="How the crop moves" hideLabel options={MODES} value={mode} onChange={onMode} />
      {mode === "follow" ? (
        <FollowPanel
          uploadId={uploadId}
          facts={facts}
          order={order}
          previewJobId={props.previewJobId}
          onPreview={props.onPreview}
        />
      ) : (
        <>
          <ShapeChoice shape={shape} canBeFree={keyframes === null} onChange={onShapeChange} />
          {keyframes === null ? (
            <BoxFields
              box={stillBoxOf(params) ?? wholePicture(facts)}
              picture={facts}
              aspect={aspectOf(shape, facts)}
              onChange={(box) => change({ crop: sentCrop(box, facts) })}
              onWhole={() => {
                onShape("free");
                change({ crop: null });
              }}
            />
          ) : (
            <PathFields {...props} keyframes={keyframes} />
          )}
          <CropHelp isPath={keyframes !== null} />
        </>
      )}
    </FormSection>
  );
}

function PathFields({
  facts,
  order,
  clock,
  showFrame,
  keyframes,
}: CropPanelProps & { keyframes: Keyframe[] }) {
  const { frame, times, timeS } = clock;
  const current = keyframeAt(keyframes, frame, times);
  const box = cropAt(keyframes, timeS, facts);
  const set = (next: Box) => order.change({ crop: withKeyframe(keyframes, frame, next, times) });
  return (
    <>
      <PathButtons
        keyframes={keyframes}
        current={current}
        frame={frame}
        frames={times}
        onShow={(index) => showFrame(times.frameAt(keyframes[index]?.t ?? 0))}
        onAdd={() => set(box)}
        onDelete={(index) => order.change({ crop: withoutKeyframe(keyframes, index) })}
      />
      <BoxFields
        box={box}
        picture={facts}
        aspect={aspectOfPath(keyframes)}
        grid={THOUSANDTHS}
        onChange={set}
      />
    </>
  );
}

function CropHelp({ isPath }: { isPath: boolean }) {
  return (
    <p id={CROP_HELP_ID} className="muted crop-help">
      Drag the box on the picture, or its edges. With the box focused, arrow keys move it by 1 pixel and with
      Shift by 10; with Alt they change its size; + and − make it larger and smaller.{" "}
      {isPath &&
        "At another moment of the video, this adds a keyframe. The crop moves smoothly from one to the next; drag their points on the picture, or their marks on the timeline."}
    </p>
  );
}

function halfOf(picture: VideoFacts): Box {
  const { w, h } = largestOfAspect(picture.width / picture.height, picture, NEW_PATH_ZOOM);
  return around(centreOf(wholePicture(picture)), w, h, picture);
}

/** Returns a box of a path as one that stands still: on whole pixels, with even sides. */
function roundedBox({ x, y, w, h }: Box): Box {
  const even = (side: number) =>
    Math.max(EVEN_SIDES.side, Math.floor(side / EVEN_SIDES.side) * EVEN_SIDES.side);
  return { x: Math.round(x), y: Math.round(y), w: even(w), h: even(h) };
}
