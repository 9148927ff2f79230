/** Draws a measure of the compared frames over time. A click or the Enter key on a point shows its frame. */

import { type KeyboardEvent, useState } from "react";
import { useSize } from "../compare/layout.ts";
import { axisOver, placeOn } from "./axis.ts";

interface Point {
  frame: number;
  timeS: number;
  value: number;
}

interface ChartProps {
  name: string;
  unit: string;
  points: readonly Point[];
  /** The index of the point that is marked as the worst frame. */
  worst: number;
  /** Lines across the chart, from which on the words hold. */
  marks: readonly { value: number; words: string }[];
  /** What no value can exceed. */
  most: number;
  digits: number;
  onPick: (timeS: number) => void;
}

const HEIGHT = 190;
const MARGIN = { left: 44, right: 14, top: 14, bottom: 30 };
/** How far apart the numbers under the chart are at least, in pixels. */
const TICK_PX = 90;

export function Chart({ name, unit, points, worst, marks, most, digits, onPick }: ChartProps) {
  const { ref, size } = useSize();
  const [pointed, setPointed] = useState<number | null>(null);
  const width = Math.max(size.width, 240);
  const plot = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
  const values = axisOver([...points.map(({ value }) => value), ...marks.map(({ value }) => value)], 4, most);
  const lastS = points.at(-1)?.timeS || 1;
  const ticks = axisOver([0, lastS], Math.max(1, Math.floor(plot.width / TICK_PX))).ticks;
  const times = { from: 0, to: lastS, ticks: ticks.filter((tick) => tick <= lastS) };
  const x = (timeS: number) => MARGIN.left + plot.width * placeOn(times, timeS);
  const y = (value: number) => MARGIN.top + plot.height * (1 - placeOn(values, value));
  const said = pointed ?? worst;
  const shown = points[said];
  const press = (event: KeyboardEvent, timeS: number) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    onPick(timeS);
  };
  return (
    <figure className="fidelity-chart" ref={ref}>
      <figcaption>
        <strong>{name}</strong>
        {shown !== undefined && (
          <span className="muted small numbers">
            {said === worst ? "worst: " : ""}
            {`${shown.value.toFixed(digits)}${unit} at ${shown.timeS.toFixed(2)} s`}
          </span>
        )}
      </figcaption>
      {/* biome-ignore lint/a11y/noSvgWithoutTitle: the caption names it; a title would appear as a tooltip. */}
      <svg className="fidelity-drawing" width={width} height={HEIGHT}>
        {values.ticks.map((tick) => (
          <g key={tick}>
            <line className="grid" x1={MARGIN.left} x2={width - MARGIN.right} y1={y(tick)} y2={y(tick)} />
            <text x={MARGIN.left - 8} y={y(tick) + 4} textAnchor="end">
              {tick}
            </text>
          </g>
        ))}
        {times.ticks.map((tick) => (
          <text key={tick} x={x(tick)} y={HEIGHT - 8} textAnchor="middle">
            {`${tick} s`}
          </text>
        ))}
        {marks.map(({ value, words }) => (
          <g key={words}>
            <line className="mark" x1={MARGIN.left} x2={width - MARGIN.right} y1={y(value)} y2={y(value)} />
            <text className="mark-words" x={width - MARGIN.right} y={y(value) + 13} textAnchor="end">
              {words}
            </text>
          </g>
        ))}
        <polyline points={points.map(({ timeS, value }) => `${x(timeS)},${y(value)}`).join(" ")} />
        {points.map(({ frame, timeS, value }, index) => (
          // biome-ignore lint/a11y/useSemanticElements: a button cannot stand in a drawing.
          <g
            key={frame}
            role="button"
            tabIndex={0}
            aria-label={`Frame ${frame} at ${timeS.toFixed(2)} s: ${value.toFixed(digits)}${unit}${index === worst ? ", the worst" : ""}`}
            className={index === worst ? "point worst" : "point"}
            onClick={() => onPick(timeS)}
            onKeyDown={(event) => press(event, timeS)}
            onPointerEnter={() => setPointed(index)}
            onPointerLeave={() => setPointed(null)}
            onFocus={() => setPointed(index)}
            onBlur={() => setPointed(null)}
          >
            <circle className="hit" cx={x(timeS)} cy={y(value)} r={22} />
            <circle className="dot" cx={x(timeS)} cy={y(value)} r={index === worst ? 6 : 4} />
          </g>
        ))}
      </svg>
    </figure>
  );
}
