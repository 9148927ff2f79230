/** The header: the name, the links to all views, and what the wallet has. */

import { links } from "../state/route.ts";

export function Header() {
  return (
    <header>
      <nav aria-label="Main">
        <a href={links.start}>Framewright</a> <a href={links.jobs}>Jobs</a> <a href={links.wallet}>Wallet</a>
      </nav>
    </header>
  );
}
