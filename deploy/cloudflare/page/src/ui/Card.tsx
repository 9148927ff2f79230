/** A sheet on the page that keeps together what belongs together. */

import { type ReactNode, useId } from "react";
import "./Card.css";

interface CardProps {
  /** The heading of the card; the card is a region of that name then. */
  title?: ReactNode;
  /** What stands at the right of the heading. */
  aside?: ReactNode;
  className?: string;
  children: ReactNode;
}

export function Card({ title, aside, className = "", children }: CardProps) {
  const id = useId();
  if (title === undefined) return <div className={`card ${className}`}>{children}</div>;
  return (
    <section className={`card ${className}`} aria-labelledby={id}>
      <div className="card-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}
