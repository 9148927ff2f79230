/** Says that there is nothing here yet, and what to do about it. */

import type { ReactNode } from "react";
import { Icon, type IconName } from "./Icon.tsx";
import "./EmptyState.css";

interface EmptyStateProps {
  icon: IconName;
  title: ReactNode;
  children: ReactNode;
  action?: ReactNode;
}

export function EmptyState({ icon, title, children, action }: EmptyStateProps) {
  return (
    <div className="empty">
      <span className="empty-frame">
        <Icon name={icon} size={2} />
      </span>
      <h2>{title}</h2>
      <div className="muted">{children}</div>
      {action !== undefined && <div className="empty-action">{action}</div>}
    </div>
  );
}
