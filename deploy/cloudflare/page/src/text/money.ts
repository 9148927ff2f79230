/** Writes amounts of money, which the API counts in whole micro-dollars, as dollars. */

/** Micro-dollars in a cent, to which amounts of at least a cent are rounded. */
const CENT = 10_000;

/** Which way an amount is rounded: `up` for what something costs at most, `down` for what a wallet has. */
export type Rounding = "nearest" | "up" | "down";

/**
 * Returns an amount for reading, such as `0.02 $`: in cents, or with two digits that are not zero if it is less than a
 * cent. A positive amount is therefore never shown as zero.
 *
 * @param microDollars a whole number.
 */
export function dollars(microDollars: number, rounding: Rounding = "nearest"): string {
  const size = Math.abs(microDollars);
  const step = size >= CENT ? CENT : 10 ** Math.max(0, String(size).length - 2);
  const toLower = { nearest: null, up: microDollars < 0, down: microDollars > 0 }[rounding];
  const steps =
    toLower === null ? Math.round(size / step) : toLower ? Math.floor(size / step) : Math.ceil(size / step);
  return exactDollars(Math.sign(microDollars) * steps * step);
}

/**
 * Returns an amount with all its digits, such as `0.082361 $` or `5.00 $`.
 *
 * @param microDollars a whole number.
 * @param decimals how many digits stand after the point; by default as many as the amount needs, and at least two.
 */
export function exactDollars(microDollars: number, decimals = decimalsOf([microDollars])): string {
  const size = Math.abs(microDollars);
  const whole = Math.floor(size / 1e6);
  const fraction = String(size % 1e6)
    .padStart(6, "0")
    .slice(0, decimals);
  return `${microDollars < 0 ? "−" : ""}${whole}.${fraction} $`;
}

/** Returns how many digits after the point all of some amounts need, so that a column of them aligns: 2 to 6. */
export function decimalsOf(amounts: readonly number[]): number {
  const isWhole = (decimals: number) => amounts.every((amount) => amount % 10 ** (6 - decimals) === 0);
  return [2, 3, 4, 5].find(isWhole) ?? 6;
}
