/** One choice of a few, each a card or a chip to press; the arrow keys move between them. */

import { type ReactNode, useId } from "react";
import "./ui.css";

interface RadioCardsProps<Value extends string> {
  label: string;
  value: Value;
  options: readonly { value: Value; text: string; help?: ReactNode }[];
  onChange: (value: Value) => void;
  /** `chips` are small and stand side by side. */
  kind?: "cards" | "chips";
}

export function RadioCards<Value extends string>(props: RadioCardsProps<Value>) {
  const { label, value, options, onChange, kind = "cards" } = props;
  const name = useId();
  return (
    <fieldset className={`radio-cards ${kind}`}>
      <legend>{label}</legend>
      <div>
        {options.map((option) => (
          <label key={option.value}>
            <input
              type="radio"
              name={name}
              checked={option.value === value}
              aria-describedby={option.help === undefined ? undefined : `${name}-${option.value}`}
              onChange={() => onChange(option.value)}
            />
            <span>{option.text}</span>
            {option.help !== undefined && (
              <small id={`${name}-${option.value}`} className="muted">
                {option.help}
              </small>
            )}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
