/** A field for a number that may be left empty. */

import { type ReactNode, useState } from "react";
import { Field } from "../ui/Field.tsx";
import { useRefusal } from "./refusal.ts";

interface NumberFieldProps {
  /** Its name in the params of the job. */
  param: string;
  label: ReactNode;
  /** What the number does, and what an empty field means. */
  hint: ReactNode;
  value: number | null | undefined;
  onChange: (value: number | null) => void;
  min: number;
  max: number;
  /** The step of the arrow keys. */
  step?: number;
  placeholder?: string;
}

export function NumberField({ param, label, hint, value, onChange, step = 1, ...limits }: NumberFieldProps) {
  // What was typed is kept beside the number: "0." is a number already, but its point must stay.
  const [text, setText] = useState("");
  const shown = numberOf(text) === (value ?? null) ? text : String(value ?? "");
  return (
    <Field label={label} hint={hint} error={useRefusal(param)}>
      {(control) => (
        <input
          {...control}
          {...limits}
          type="number"
          inputMode="decimal"
          step={step}
          value={shown}
          onChange={(event) => {
            setText(event.target.value);
            onChange(numberOf(event.target.value));
          }}
        />
      )}
    </Field>
  );
}

function numberOf(text: string): number | null {
  const value = Number(text);
  return text.trim() === "" || !Number.isFinite(value) ? null : value;
}
