/** Details that are shown when they are asked for. */

import type { ReactNode } from "react";
import { Icon } from "./Icon.tsx";
import "./Disclosure.css";

interface DisclosureProps {
  summary: ReactNode;
  children: ReactNode;
}

export function Disclosure({ summary, children }: DisclosureProps) {
  return (
    <details className="disclosure">
      <summary>
        <Icon name="chevron-right" size={1} />
        <span>{summary}</span>
      </summary>
      <div className="disclosure-details">{children}</div>
    </details>
  );
}
