/** Chooses which classes are shown, and in which order their tracks stand. */

import { Button } from "../ui/Button.tsx";
import { Choice } from "../ui/Choice.tsx";
import type { SortBy } from "./row_order.ts";

/** The most classes that can be hidden: the most frequent. */
const MOST_CLASSES = 40;

interface TrackFiltersProps {
  /** The classes with the number of their tracks. */
  classes: [className: string, tracks: number][];
  hidden: ReadonlySet<string>;
  onHide: (hidden: ReadonlySet<string>) => void;
  sortBy: SortBy;
  onSort: (sortBy: SortBy) => void;
}

export function TrackFilters({ classes, hidden, onHide, sortBy, onSort }: TrackFiltersProps) {
  const toggle = (name: string) => {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    onHide(next);
  };
  const more = classes.length - MOST_CLASSES;
  return (
    <div className="track-filters">
      <fieldset className="track-classes">
        <legend className="visually-hidden">Classes</legend>
        {classes.slice(0, MOST_CLASSES).map(([name, tracks]) => (
          <Button
            key={name}
            className="track-class"
            aria-pressed={!hidden.has(name)}
            disabled={classes.length === 1}
            onClick={() => toggle(name)}
          >
            <bdi>{name}</bdi> <span className="numbers">{tracks.toLocaleString("en")}</span>
          </Button>
        ))}
        {more > 0 && <span className="muted small">and {more.toLocaleString("en")} more classes</span>}
      </fieldset>
      <Choice
        label="Sort by"
        hideLabel
        options={[
          { value: "appearance", label: "First appearance" },
          { value: "length", label: "Longest" },
        ]}
        value={sortBy}
        onChange={onSort}
      />
    </div>
  );
}
