/** Settings of the part of a crop that captions will cover, from which the worker keeps heads away. */

import { useState } from "react";
import { Choice } from "../ui/Choice.tsx";
import { Field } from "../ui/Field.tsx";
import {
  type CaptionChoice,
  CUSTOM,
  captionChoiceOf,
  FIFTH,
  MOST_SHARE,
  type SafeShares,
} from "./caption_zone.ts";

const OPTIONS = [
  { value: "none", label: "Nothing" },
  { value: "fifth", label: "The bottom fifth" },
  { value: "custom", label: "Another part" },
] as const;

interface CaptionZoneProps {
  safe: SafeShares | null | undefined;
  onChange: (safe: SafeShares | null) => void;
}

export function CaptionZone({ safe, onChange }: CaptionZoneProps) {
  // A slider that stands at a fifth for a moment must not disappear.
  const [isCustom, setCustom] = useState(captionChoiceOf(safe) === "custom");
  const choice = isCustom ? "custom" : captionChoiceOf(safe);
  const bottom = safe?.bottom ?? 0;
  const choose = (next: CaptionChoice) => {
    setCustom(next === "custom");
    if (next === "none") onChange(null);
    else onChange({ bottom: next === "fifth" ? FIFTH : CUSTOM });
  };
  return (
    <>
      <Choice label="Captions cover" options={OPTIONS} value={choice} onChange={choose} />
      {choice === "custom" && (
        <Field
          label={`Covered at the bottom: ${Math.round(bottom * 100)} %`}
          hint="No head will be in this part of the crop, as far as possible."
        >
          {(control) => (
            <input
              {...control}
              type="range"
              min={0}
              max={MOST_SHARE * 100}
              step={1}
              value={Math.round(bottom * 100)}
              onChange={(event) => onChange({ ...safe, bottom: Number(event.target.value) / 100 })}
            />
          )}
        </Field>
      )}
    </>
  );
}
