/** Details that are shown when they are asked for. */

import { type ReactNode, useState } from "react";
import { Icon } from "./Icon.tsx";
import "./Disclosure.css";

interface DisclosureProps {
  summary: ReactNode;
  /** Whether the details are shown from the start. */
  startsOpen?: boolean;
  children: ReactNode;
}

export function Disclosure({ summary, startsOpen = false, children }: DisclosureProps) {
  // A constant, so that later changes do not close what a person has opened.
  const [open] = useState(startsOpen);
  return (
    <details className="disclosure" open={open}>
      <summary>
        <Icon name="chevron-right" size={1} />
        <span>{summary}</span>
      </summary>
      <div className="disclosure-details">{children}</div>
    </details>
  );
}
