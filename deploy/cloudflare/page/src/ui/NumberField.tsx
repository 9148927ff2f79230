/** A field for a number that may be left empty, with a sentence that explains it. */

import { useId, useState } from "react";
import "./ui.css";

interface NumberFieldProps {
  label: string;
  /** What the number does, and what an empty field means. */
  help: string;
  value: number | null | undefined;
  onChange: (value: number | undefined) => void;
  min: number;
  max: number;
  /** The step of the arrow keys; a whole one means whole numbers. */
  step?: number;
  placeholder?: string;
}

export function NumberField({ label, help, value, onChange, min, max, step = 1, placeholder }: NumberFieldProps) {
  const id = useId();
  // The text is kept beside the number, so that a number can be typed that is out of range on the way.
  const [text, setText] = useState(value == null ? "" : String(value));
  const shown = numberOf(text) === (value ?? undefined) ? text : value == null ? "" : String(value);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="number"
        inputMode={Number.isInteger(step) ? "numeric" : "decimal"}
        min={min}
        max={max}
        step={step}
        placeholder={placeholder}
        aria-describedby={`${id}-help`}
        value={shown}
        onChange={(event) => {
          setText(event.target.value);
          onChange(numberOf(event.target.value));
        }}
      />
      <small id={`${id}-help`} className="muted">
        {help}
      </small>
    </div>
  );
}

function numberOf(text: string): number | undefined {
  const value = Number(text);
  return text.trim() === "" || !Number.isFinite(value) ? undefined : value;
}
