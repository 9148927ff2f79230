/** Writes file sizes and speeds in words. */

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

/** Returns a size such as `12.4 MB`, with three digits. */
export function sizeText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  // 999.5 would be written as 1000.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}
