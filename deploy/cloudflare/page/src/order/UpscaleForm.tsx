/** Sets up an upscale: how much larger, how good, and which model. */

import { useState } from "react";
import { type UpscaleParams, useClientState, useOrder } from "../state/client_state.ts";
import { Choice } from "../ui/Choice.tsx";
import { Disclosure } from "../ui/Disclosure.tsx";
import { Checkbox } from "../ui/Field.tsx";
import { ModelField } from "./ModelField.tsx";
import { scaleOf, UPSCALERS } from "./models.ts";
import { NumberField } from "./NumberField.tsx";
import { QualityField } from "./QualityField.tsx";
import type { TaskFormProps } from "./task_form.ts";
import { isChanged, withParam } from "./with_param.ts";

const SCALES = ["2", "3", "4"] as const;
const OTHER = "other";

/** The fields that few people change, as they are if nothing is set. */
const ADVANCED: Partial<UpscaleParams> = {
  model: null,
  tonemap: false,
  reuse_tolerance: 0,
  stabilize: false,
};

export function UpscaleForm({ uploadId, facts }: TaskFormProps) {
  const { upscale } = useOrder(uploadId);
  const changeOrder = useClientState((state) => state.changeOrder);
  const change = <Name extends keyof UpscaleParams>(name: Name, value: UpscaleParams[Name] | null) =>
    changeOrder(uploadId, { upscale: withParam(upscale, name, value) });
  const scale = scaleOf(upscale);
  const known = SCALES.find((value) => Number(value) === scale);
  const [isOther, setOther] = useState(known === undefined);
  const size =
    facts === null
      ? null
      : `${facts.width} × ${facts.height} becomes ${Math.round(facts.width * scale)} × ${Math.round(facts.height * scale)}.`;
  return (
    <>
      <Choice
        label="Scale"
        value={isOther ? OTHER : (known ?? OTHER)}
        options={[
          ...SCALES.map((value) => ({ value, label: `${value}×` })),
          { value: OTHER, label: "Other" },
        ]}
        onChange={(value) => {
          setOther(value === OTHER);
          if (value !== OTHER) change("scale", Number(value));
        }}
      />
      {isOther && (
        <NumberField
          param="scale"
          label="Other scale"
          hint="From 1 to 16, such as 1.5. Empty means the model's own scale."
          min={1}
          max={16}
          step={0.5}
          value={upscale.scale}
          onChange={(value) => change("scale", value)}
        />
      )}
      {size !== null && <p className="numbers muted form-result">{size}</p>}
      <QualityField value={upscale.quality} onChange={(quality) => change("quality", quality)} />
      <Disclosure summary="Advanced" startsOpen={isChanged(upscale, ADVANCED)}>
        <ModelField models={UPSCALERS} value={upscale.model} onChange={(model) => change("model", model)} />
        <Checkbox
          label="Convert HDR to SDR"
          hint="For HDR videos (PQ, HLG): models are trained on SDR pictures. Other videos are not changed."
          checked={upscale.tonemap ?? false}
          onChange={(tonemap) => change("tonemap", tonemap)}
        />
        <NumberField
          param="reuse_tolerance"
          label="Reuse tolerance"
          hint="From 0 to 16 levels. Parts of the picture that change by at most this are not computed again. This is faster where little moves, but not exact; 0 reuses only identical parts."
          min={0}
          max={16}
          value={upscale.reuse_tolerance}
          placeholder="0"
          onChange={(value) => change("reuse_tolerance", value)}
        />
        <Checkbox
          label="Stabilize"
          hint="Holds the picture where the source stands still, so that it does not flicker."
          checked={upscale.stabilize ?? false}
          onChange={(stabilize) => change("stabilize", stabilize)}
        />
      </Disclosure>
    </>
  );
}
