/** Chooses the quality of the encoding. */

import type { UpscaleParams } from "../state/client_state.ts";
import { SelectField } from "./SelectField.tsx";

type Quality = UpscaleParams["quality"];

const QUALITIES: readonly (readonly [Quality, string])[] = [
  ["high", "High"],
  ["medium", "Medium: a smaller file"],
  ["low", "Low: the smallest file"],
  ["lossless", "Lossless: a very large file"],
];

export function QualityField(props: { value: Quality | undefined; onChange: (value: Quality) => void }) {
  return (
    <SelectField
      label="Quality"
      value={props.value ?? "high"}
      options={QUALITIES}
      onChange={props.onChange}
    />
  );
}
