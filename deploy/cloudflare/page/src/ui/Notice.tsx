/** A message that stands out; screen readers announce bad ones at once. */

import type { ReactNode } from "react";
import { Icon, type IconName } from "./Icon.tsx";
import "./Notice.css";

type NoticeKind = "info" | "good" | "warn" | "bad";

const ICONS: Record<NoticeKind, IconName> = { info: "info", good: "check", warn: "alert", bad: "alert" };

interface NoticeProps {
  kind?: NoticeKind;
  /** A few words that say what happened. */
  title?: ReactNode;
  /** What it means, and what to do. */
  children?: ReactNode;
  /** Buttons and links that do it. */
  actions?: ReactNode;
}

export function Notice({ kind = "info", title, children, actions }: NoticeProps) {
  return (
    <div className={`notice ${kind}`} role={kind === "bad" ? "alert" : "status"}>
      <Icon name={ICONS[kind]} />
      <div className="notice-text">
        {title !== undefined && <p className="notice-title">{title}</p>}
        {typeof children === "string" ? <p>{children}</p> : children}
        {actions !== undefined && <div className="row notice-actions">{actions}</div>}
      </div>
    </div>
  );
}
