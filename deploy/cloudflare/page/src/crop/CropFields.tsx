/** Fields for the crop box beside the picture: its shape, and its four numbers. */

import { useEffect, useState } from "react";
import { Button } from "../ui/Button.tsx";
import { Choice } from "../ui/Choice.tsx";
import { Field } from "../ui/Field.tsx";
import { ASPECTS, type Shape } from "./aspect_presets.ts";
import {
  type Box,
  type Grid,
  type PictureSize,
  snapped,
  WHOLE_PIXELS,
  wholePicture,
  withNumber,
} from "./crop_box.ts";

interface ShapeChoiceProps {
  shape: Shape;
  /** Whether a free shape can be chosen; the keyframes of a path have one aspect ratio. */
  canBeFree: boolean;
  onChange: (shape: Shape) => void;
}

export function ShapeChoice({ shape, canBeFree, onChange }: ShapeChoiceProps) {
  const free = canBeFree || shape === "free" ? [{ value: "free" as Shape, label: "Free" }] : [];
  const options = [
    ...free,
    { value: "source" as Shape, label: "Same as the source" },
    ...ASPECTS.map((aspect) => ({ value: aspect as Shape, label: aspect })),
  ];
  return <Choice label="Shape" options={options} value={shape} onChange={onChange} />;
}

const NAMES: readonly (readonly [keyof Box, string])[] = [
  ["x", "Left"],
  ["y", "Top"],
  ["w", "Width"],
  ["h", "Height"],
];

interface BoxFieldsProps {
  box: Box;
  picture: PictureSize;
  aspect: number | null;
  grid?: Grid;
  onChange: (box: Box) => void;
  /** Is absent where the crop cannot be the whole picture. */
  onWhole?: () => void;
}

export function BoxFields({ box, picture, aspect, grid = WHOLE_PIXELS, onChange, onWhole }: BoxFieldsProps) {
  const whole = wholePicture(picture);
  return (
    <div className="box-fields">
      {NAMES.map(([name, label]) => (
        <NumberField
          key={name}
          label={label}
          value={snapped(box[name], 0.001)}
          most={name === "x" || name === "w" ? whole.w : whole.h}
          onChange={(value) => onChange(withNumber(box, name, value, picture, aspect, grid))}
        />
      ))}
      {onWhole !== undefined && <Button onClick={onWhole}>Whole picture</Button>}
    </div>
  );
}

interface NumberFieldProps {
  label: string;
  value: number;
  most: number;
  onChange: (value: number) => void;
}

/** A number in pixels, which is taken when Enter is pressed, an arrow changes it, or the field is left. */
function NumberField({ label, value, most, onChange }: NumberFieldProps) {
  const [text, setText] = useState(String(value));
  useEffect(() => setText(String(value)), [value]);
  const take = () => {
    if (text.trim() === "" || Number(text) === value) setText(String(value));
    else onChange(Number(text));
  };
  return (
    <Field label={label}>
      {(control) => (
        <input
          {...control}
          type="number"
          inputMode="decimal"
          min={0}
          max={most}
          step="any"
          value={text}
          onChange={(event) => setText(event.target.value)}
          onBlur={take}
          onKeyDown={(event) => {
            if (event.key === "Enter") take();
            const step = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
            if (step === 0) return;
            event.preventDefault();
            onChange(value + step * (event.shiftKey ? 10 : 1));
          }}
        />
      )}
    </Field>
  );
}
