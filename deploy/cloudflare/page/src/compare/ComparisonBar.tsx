/** The choices above a comparison: how close, and one picture over the other or beside it. */

import { Choice } from "../ui/Choice.tsx";
import type { Arrangement } from "./Comparison.tsx";
import type { Zoom } from "./zoom.ts";

interface ComparisonBarProps {
  /** What is shown; null for pictures that have been reduced, whose own pixels are not the output's. */
  zoom: Zoom | null;
  onZoom: (zoom: Zoom) => void;
  arrangement: Arrangement;
  onArrange: (arrangement: Arrangement) => void;
}

const ZOOM_OPTIONS = [
  { value: "fit", label: "Fit" },
  { value: "1", label: "1:1" },
  { value: "2", label: "2:1" },
  { value: "4", label: "4:1" },
] as const;

const ARRANGEMENTS = [
  { value: "slider", label: "Slider" },
  { value: "side", label: "Side by side" },
] as const;

export function ComparisonBar({ zoom, onZoom, arrangement, onArrange }: ComparisonBarProps) {
  return (
    <div className="comparison-bar">
      {zoom !== null && (
        <Choice
          label="Zoom"
          hideLabel
          options={ZOOM_OPTIONS}
          value={String(zoom) as (typeof ZOOM_OPTIONS)[number]["value"]}
          onChange={(value) => onZoom(value === "fit" ? "fit" : (Number(value) as Zoom))}
        />
      )}
      <Choice label="Arrangement" hideLabel options={ARRANGEMENTS} value={arrangement} onChange={onArrange} />
    </div>
  );
}
