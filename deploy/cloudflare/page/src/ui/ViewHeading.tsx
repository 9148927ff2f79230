/** The heading of a view, which also names the tab, and takes the focus when the view has replaced another. */

import { type ReactNode, useEffect, useRef } from "react";
import "./ViewHeading.css";

/** Whether a view was shown before; the first one leaves the focus at the start of the page. */
let isFirstView = true;

interface ViewHeadingProps {
  /** The heading, which the name of the tab repeats; text from outside is shown as text. */
  title: string;
  /** A sentence under the heading. */
  lead?: ReactNode;
  /** What stands at the right of the heading. */
  actions?: ReactNode;
}

/** Every view has one, from its first moment on: also while it loads, and if it fails. */
export function ViewHeading({ title, lead, actions }: ViewHeadingProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Framewright`;
  }, [title]);
  useEffect(() => {
    if (!isFirstView) {
      heading.current?.focus({ preventScroll: true });
      window.scrollTo(0, 0);
    }
    // StrictMode runs effects twice while developing; the first view is over only when another task begins.
    setTimeout(() => {
      isFirstView = false;
    });
  }, []);
  return (
    <div className="view-heading">
      <div>
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {lead !== undefined && <div className="muted">{lead}</div>}
      </div>
      {actions !== undefined && <div className="row">{actions}</div>}
    </div>
  );
}
