/** Shows how much of something is done. */

import type { ReactNode } from "react";
import "./ProgressBar.css";

interface ProgressBarProps {
  /** What is being done: the name of the bar for screen readers. */
  label: string;
  /** 0 to 100; null if it is not known. */
  percent: number | null;
  /** `still`: nothing moves now, such as while an upload pauses. */
  look?: "moving" | "still";
  /** Words at the right above the bar, such as "62 %"; the label stands at the left of them. */
  value?: ReactNode;
}

/** With `value`, the label and it stand above the bar. */
export function ProgressBar({ label, percent, look = "moving", value }: ProgressBarProps) {
  const shown = percent === null ? null : Math.min(Math.max(percent, 0), 100);
  return (
    <div className="progress">
      {value !== undefined && (
        <div className="progress-words">
          <span>{label}</span>
          <span className="numbers muted">{value}</span>
        </div>
      )}
      <div
        className={`progress-bar ${look} ${shown === null ? "unknown" : ""}`}
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={shown === null ? undefined : Math.round(shown)}
      >
        <div className="progress-done" style={shown === null ? undefined : { width: `${shown}%` }} />
      </div>
    </div>
  );
}
