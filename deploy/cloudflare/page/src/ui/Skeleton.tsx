/** Takes the place of what is being loaded, with its height, so that nothing jumps. */

import "./Skeleton.css";

export function Skeleton({ height, label = "Loading" }: { height: string; label?: string }) {
  return (
    <div className="skeleton" style={{ height }} role="status">
      <span className="visually-hidden">{label} …</span>
    </div>
  );
}
