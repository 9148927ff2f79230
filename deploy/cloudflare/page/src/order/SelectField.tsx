/** A field for one of many values. */

import type { ReactNode } from "react";
import { Field } from "../ui/Field.tsx";

interface SelectFieldProps<T extends string> {
  label: ReactNode;
  hint?: ReactNode;
  value: T;
  /** The values with the words that stand for them, in order. */
  options: readonly (readonly [value: T, words: string])[];
  onChange: (value: T) => void;
}

export function SelectField<T extends string>({
  label,
  hint,
  value,
  options,
  onChange,
}: SelectFieldProps<T>) {
  return (
    <Field label={label} hint={hint}>
      {(control) => (
        <select {...control} value={value} onChange={(event) => onChange(event.target.value as T)}>
          {options.map(([option, words]) => (
            <option key={option} value={option}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
