/** Chooses the times that are written on an axis. */

/** Steps between two times, in seconds: those that people count in. */
const STEPS_S = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400,
];

/**
 * Returns the times to write, in seconds from 0: multiples of one step.
 *
 * @param most how many steps there is room for, at least 1.
 */
export function ticksOf(durationS: number, most: number): number[] {
  const step = STEPS_S.find((one) => durationS / one <= most) ?? durationS;
  const count = Math.min(Math.floor(durationS / step), most);
  return Array.from({ length: count + 1 }, (_, number) => Math.round(number * step * 10) / 10);
}
