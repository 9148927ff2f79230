/** Shows names with their values, one to a line. */

import type { ReactNode } from "react";
import "./Facts.css";

/** @param rows names and values, in order; those without a value are left out. */
export function Facts({ rows }: { rows: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className="facts numbers">
      {rows.map(([name, value]) =>
        value == null || value === "" ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}
