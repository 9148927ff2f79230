/** A message that stands out; screen readers announce bad ones at once. */

import type { ReactNode } from "react";
import "./ui.css";

export function Notice({ kind = "info", children }: { kind?: "info" | "warn" | "bad"; children: ReactNode }) {
  return (
    <div className={`notice ${kind}`} role={kind === "bad" ? "alert" : "status"}>
      {children}
    </div>
  );
}
