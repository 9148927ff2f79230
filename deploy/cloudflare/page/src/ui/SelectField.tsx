/** A field for one of several values, with a sentence that explains it. */

import { useId } from "react";
import "./ui.css";

interface SelectFieldProps<Value extends string> {
  label: string;
  help?: string;
  value: Value;
  /** The values with the words that are shown for them, in order. */
  options: readonly (readonly [value: Value, text: string])[];
  onChange: (value: Value) => void;
}

export function SelectField<Value extends string>(props: SelectFieldProps<Value>) {
  const { label, help, value, options, onChange } = props;
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        value={value}
        aria-describedby={help === undefined ? undefined : `${id}-help`}
        onChange={(event) => onChange(event.target.value as Value)}
      >
        {options.map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
      </select>
      {help !== undefined && (
        <small id={`${id}-help`} className="muted">
          {help}
        </small>
      )}
    </div>
  );
}
