/** A choice of one among a few: radio buttons that look like one segmented button, or like a row of cards. */

import { type ReactNode, useId } from "react";
import "./Choice.css";

interface Option<T extends string> {
  value: T;
  label: ReactNode;
  /** A sentence under the label, in cards only. */
  hint?: ReactNode;
}

interface ChoiceProps<T extends string> {
  /** The name of the group. */
  label: ReactNode;
  /** Whether the name is only for screen readers. */
  hideLabel?: boolean;
  look?: "segments" | "cards";
  options: readonly Option<T>[];
  value: T;
  onChange: (value: T) => void;
}

export function Choice<T extends string>(props: ChoiceProps<T>) {
  const { label, hideLabel = false, look = "segments", options, value, onChange } = props;
  const name = useId();
  return (
    <fieldset className={`choice ${look}`}>
      <legend className={hideLabel ? "visually-hidden" : undefined}>{label}</legend>
      <div className="choice-options">
        {options.map((option) => (
          <label key={option.value} className="choice-option">
            <input
              type="radio"
              name={name}
              value={option.value}
              checked={option.value === value}
              aria-describedby={option.hint === undefined ? undefined : `${name}-${option.value}`}
              aria-labelledby={`${name}-${option.value}-label`}
              onChange={() => onChange(option.value)}
            />
            <span className="choice-label" id={`${name}-${option.value}-label`}>
              {option.label}
            </span>
            {option.hint !== undefined && (
              <span className="choice-hint" id={`${name}-${option.value}`}>
                {option.hint}
              </span>
            )}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
