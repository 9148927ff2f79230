/** Writes durations in words. */

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

/**
 * Returns a rounded duration: `8 s`, `45 s`, `2 min`, `1 h 20 min`, `2 days`. It is rounded up,
 * so that the wait is never longer than stated.
 *
 * @param seconds 0 or more.
 */
export function roughly(seconds: number): string {
  if (seconds <= 10) return `${Math.max(1, Math.ceil(seconds))} s`;
  if (seconds <= 55) return `${Math.ceil(seconds / 5) * 5} s`;
  if (seconds <= HOUR - MINUTE) return `${Math.ceil(seconds / MINUTE)} min`;
  if (seconds <= DAY - 5 * MINUTE) {
    const minutes = Math.ceil(seconds / (5 * MINUTE)) * 5;
    return joined(Math.floor(minutes / 60), "h", minutes % 60, "min");
  }
  const hours = Math.ceil(seconds / HOUR);
  const days = Math.floor(hours / 24);
  return joined(days, days === 1 ? "day" : "days", hours % 24, "h");
}

/** Returns how long something took, such as `0.04 s`, `0.4 s`, `8 s`, `3 min 12 s` or `1 h 5 min`. */
export function exactly(seconds: number): string {
  if (seconds > 0 && seconds < 1) return `${Math.max(0.001, Number(seconds.toPrecision(2)))} s`;
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  const whole = Math.round(seconds);
  if (whole < HOUR) return joined(Math.floor(whole / MINUTE), "min", whole % MINUTE, "s");
  const minutes = Math.round(seconds / MINUTE);
  return joined(Math.floor(minutes / 60), "h", minutes % 60, "min");
}

/** Returns a moment of a video with its milliseconds, such as `0.04 s`, `12.345 s` or `1 min 30.5 s`. */
export function atMoment(seconds: number): string {
  const ms = Math.round(seconds * 1000);
  const rest = Number(((ms % (MINUTE * 1000)) / 1000).toFixed(3));
  return joined(Math.floor(ms / (MINUTE * 1000)), "min", rest, "s");
}

/** Returns how much time is left, in words. */
export function timeLeft(seconds: number): string {
  return seconds < 10 ? "a few seconds left" : `about ${roughly(seconds)} left`;
}

function joined(large: number, largeUnit: string, small: number, smallUnit: string): string {
  if (large === 0) return `${small} ${smallUnit}`;
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}
