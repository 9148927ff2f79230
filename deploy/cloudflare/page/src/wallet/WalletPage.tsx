/** Shows the balance of the wallet and its entries. */

export function WalletPage() {
  return null;
}
