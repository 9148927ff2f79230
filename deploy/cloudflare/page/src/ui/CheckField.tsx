/** A box to tick, with a sentence that explains it. */

import { useId } from "react";
import "./ui.css";

interface CheckFieldProps {
  label: string;
  help: string;
  value: boolean;
  onChange: (value: boolean) => void;
}

export function CheckField({ label, help, value, onChange }: CheckFieldProps) {
  const id = useId();
  return (
    <div className="field check">
      <label htmlFor={id}>
        <input
          id={id}
          type="checkbox"
          checked={value}
          aria-describedby={`${id}-help`}
          onChange={(event) => onChange(event.target.checked)}
        />
        {label}
      </label>
      <small id={`${id}-help`} className="muted">
        {help}
      </small>
    </div>
  );
}
