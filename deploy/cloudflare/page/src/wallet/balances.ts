/** Computes the balance after each entry of a wallet. */

/**
 * Returns the balance after each entry, in micro-dollars.
 *
 * @param entries the newest first, without a gap.
 * @param balance the balance after the newest.
 */
export function balancesAfter(entries: readonly { amount: number }[], balance: number): number[] {
  let after = balance;
  return entries.map(({ amount }) => {
    const here = after;
    after -= amount;
    return here;
  });
}
