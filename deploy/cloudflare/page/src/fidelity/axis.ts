/** Chooses the numbers beside and under a chart. */

/** What an axis covers, and where it has numbers. */
export interface Axis {
  from: number;
  to: number;
  ticks: number[];
}

/**
 * Returns an axis from one round number to another that covers all values, with about as many steps as wanted.
 *
 * @param most what no value can exceed; the axis does not either.
 */
export function axisOver(values: readonly number[], steps: number, most = Number.POSITIVE_INFINITY): Axis {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const step = roundStep((high - low || Math.abs(high) || 1) / steps);
  const from = Math.floor(low / step + 1e-9) * step;
  const to = Math.min(most, Math.ceil(high / step - 1e-9) * step);
  const count = Math.floor((to - from) / step + 1e-6);
  const ticks = Array.from({ length: count + 1 }, (_, index) =>
    Number((from + index * step).toPrecision(12)),
  );
  return { from, to: to > from ? to : from + step, ticks };
}

/** Returns the least of 1, 2 and 5 times a power of ten that is not less than a step. */
function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  return ([1, 2, 5, 10].find((factor) => factor * power >= step * 0.999999) ?? 10) * power;
}

/** Returns where a value lies on an axis, from 0 to 1. */
export function placeOn({ from, to }: Axis, value: number): number {
  return Math.min(1, Math.max(0, (value - from) / (to - from)));
}
