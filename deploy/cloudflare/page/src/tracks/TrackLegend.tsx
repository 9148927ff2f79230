/** Explains the bars and lines of the timeline. */

const BARS = [
  ["detected", 4, "found by the detector"],
  ["boxes", 1.5, "interpolated"],
  ["whole", 0.3, "out of sight"],
] as const;

export function TrackLegend({ hasCuts }: { hasCuts: boolean }) {
  return (
    <p className="track-legend muted small">
      {BARS.map(([className, half, words]) => (
        <span key={words}>
          <svg viewBox="0 0 32 14" aria-hidden="true">
            <path className={className} d={`M4 ${7 - half}H28V${7 + half}H4Z`} />
          </svg>
          {words}
        </span>
      ))}
      {hasCuts && (
        <span>
          <svg viewBox="0 0 32 14" aria-hidden="true">
            <path className="cuts" d="M16 0V14" />
          </svg>
          cut to another shot
        </span>
      )}
    </p>
  );
}
