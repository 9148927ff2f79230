/** Fields for the output of an export: its format, quality and size, and whether a model enlarges it. */

import { ModelField } from "../order/ModelField.tsx";
import { UPSCALERS } from "../order/models.ts";
import { QualityField } from "../order/QualityField.tsx";
import { SelectField } from "../order/SelectField.tsx";
import { Checkbox } from "../ui/Field.tsx";
import { Notice } from "../ui/Notice.tsx";
import { sizesOfAspect } from "./aspect_presets.ts";
import type { PictureSize } from "./crop_box.ts";
import type { ExportOrder, Params } from "./export_order.ts";
import { cropSize, isTooLarge, outputSizeOf, type SizeBound, scaleOf, sizeBoundOf } from "./output_size.ts";

type Format = NonNullable<Params["format"]>;

const FORMATS: readonly (readonly [Format, string])[] = [
  ["mp4", "MP4: plays everywhere"],
  ["mov", "MOV: for Apple's editors"],
  ["webm", "WebM: AV1, for the web"],
  ["mkv", "MKV: keeps all tracks"],
  ["gif", "GIF: a silent loop"],
];

/** A GIF is refused if it is longer or has more pixels: GIF in orchestrator/media_containers.py. */
const GIF_MOST_S = 60;
const GIF_MOST_PX = 1920 * 1080;

interface OutputFieldsProps {
  order: ExportOrder;
  /** The size of the source's picture; null if it is not known. */
  picture: PictureSize | null;
  /** How long the part to export is, in seconds; null if that is not known. */
  partS: number | null;
}

export function OutputFields({ order, picture, partS }: OutputFieldsProps) {
  const { params, change } = order;
  const size = picture === null ? null : outputSizeOf(params, picture);
  return (
    <>
      <div className="fields">
        <SelectField
          label="Format"
          value={params.format ?? "mp4"}
          options={FORMATS}
          onChange={(format) => change({ format: format === "mp4" ? null : format })}
        />
        <QualityField value={params.quality} onChange={(quality) => change({ quality })} />
        {picture !== null && <SizeField order={order} picture={picture} />}
      </div>
      <Checkbox
        label="Enlarge with a model"
        hint="An upscaling model adds detail. This takes longer and costs more."
        checked={params.upscale === true}
        onChange={(upscale) => change({ upscale })}
      />
      {params.upscale === true && (
        <ModelField
          models={UPSCALERS}
          value={params.upscale_model}
          onChange={(upscale_model) => change({ upscale_model })}
        />
      )}
      <Checkbox
        label="Convert HDR to SDR"
        hint="Only for HDR video (PQ or HLG); other video is refused with this."
        checked={params.tonemap === true}
        onChange={(tonemap) => change({ tonemap })}
      />
      {picture !== null && size !== null && (
        <SizeEstimate params={params} size={size} bound={sizeBoundOf(params, picture)} />
      )}
      {params.format === "gif" && <GifHint params={params} size={size} partS={partS} />}
    </>
  );
}

function SizeField({ order, picture }: { order: ExportOrder; picture: PictureSize }) {
  const { params, change } = order;
  const crop = cropSize(params, picture);
  const original = outputSizeOf({ ...params, size: null }, picture);
  const bound = sizeBoundOf({ ...params, size: null }, picture);
  const chosen = typeof params.size === "string" ? params.size : "";
  const sizes = sizesOfAspect(crop.width / crop.height);
  const all = chosen === "" || sizes.includes(chosen) ? sizes : [chosen, ...sizes];
  return (
    <SelectField
      label="Size"
      value={chosen}
      options={[
        ["", bound === "exactly" ? `Original, ${original.width} × ${original.height}` : "Original"],
        ...all.map((size) => [size, size.replace("x", " × ")] as const),
      ]}
      onChange={(size) => change({ size: size || null })}
    />
  );
}

interface SizeEstimateProps {
  params: Params;
  size: PictureSize;
  bound: SizeBound;
}

function SizeEstimate({ params, size: { width, height }, bound }: SizeEstimateProps) {
  const scale = scaleOf(params);
  if (isTooLarge({ width, height })) {
    return (
      <Notice kind="warn" title={`The output would have ${width} × ${height} pixels, which is too large.`}>
        Choose a smaller size, a model with a smaller scale, or a smaller crop.
      </Notice>
    );
  }
  const from = scale > 1 && params.size == null ? `, ${scale} times the crop's` : "";
  return (
    <p className="numbers" aria-live="polite">
      The output has {bound === "exactly" ? "" : `${bound} `}
      <strong>{`${width} × ${height}`}</strong> pixels{from}.
      {bound !== "exactly" &&
        " How close the crop is depends on who is in view; choose a size to have exactly that."}
    </p>
  );
}

interface GifHintProps {
  params: Params;
  size: PictureSize | null;
  partS: number | null;
}

/** Says what a GIF cannot be, before the worker refuses it. */
function GifHint({ params, size, partS }: GifHintProps) {
  if (params.quality === "lossless") {
    return (
      <Notice kind="warn" title="A GIF cannot be lossless.">
        It has 256 colours. Choose another quality, or another format.
      </Notice>
    );
  }
  const isTooLong = partS !== null && partS > GIF_MOST_S;
  if (isTooLong || (size !== null && size.width * size.height > GIF_MOST_PX)) {
    return (
      <Notice
        kind="warn"
        title={isTooLong ? "This part is too long for a GIF." : "This is too large for a GIF."}
      >
        {`A GIF has at most ${GIF_MOST_S} seconds and 1920 × 1080 pixels. Choose a shorter part, a smaller size, or MP4.`}
      </Notice>
    );
  }
  return (
    <Notice>
      A GIF has 256 colours and no sound, and is tens of times as large as a video. Keep it short and small.
    </Notice>
  );
}
