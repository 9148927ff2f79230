/** Details that are shown when they are asked for. */

import type { ReactNode } from "react";
import { Icon } from "./Icon.tsx";
import "./Disclosure.css";

interface DisclosureProps {
  summary: ReactNode;
  /** Whether the details are shown at first. */
  open?: boolean;
  children: ReactNode;
}

export function Disclosure({ summary, open = false, children }: DisclosureProps) {
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
