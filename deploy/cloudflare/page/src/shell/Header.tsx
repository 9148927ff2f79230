/** The header: the links to all views, what the wallet has, and the button that signs out. */

import { useSignOut, useWallet } from "../api/queries.ts";
import { links, type Route } from "../state/route.ts";
import { dollars } from "../text/money.ts";
import { requestErrorText } from "../text/request_errors.ts";
import { Button } from "../ui/Button.tsx";
import { Icon } from "../ui/Icon.tsx";
import { Notice } from "../ui/Notice.tsx";
import { VisuallyHidden } from "../ui/VisuallyHidden.tsx";
import { Brand } from "./Brand.tsx";
import "./Header.css";

/** Which link of the header stands for a view; a view inside another one belongs to that. */
const SECTIONS = {
  start: "start",
  order: "start",
  jobs: "jobs",
  job: "jobs",
  wallet: "wallet",
  unknown: null,
};

export function Header({ route }: { route: Route }) {
  const signOut = useSignOut();
  const current = (section: string) => {
    if (route.view === section) return "page";
    return SECTIONS[route.view] === section ? "true" : undefined;
  };
  return (
    <header className="header">
      <div className="header-content">
        <a className="header-brand" href={links.start} aria-label="Framewright, start">
          <Brand />
        </a>
        <nav className="header-nav" aria-label="Main">
          <a href={links.start} aria-current={current("start")}>
            New
          </a>
          <a href={links.jobs} aria-current={current("jobs")}>
            Jobs
          </a>
          <a className="header-wallet" href={links.wallet} aria-current={current("wallet")}>
            <Icon name="wallet" size={1.125} />
            <span className="header-wallet-name">Wallet</span> <Balance />
          </a>
        </nav>
        <Button
          kind="quiet"
          className="header-out"
          disabled={signOut.isPending}
          onClick={() => signOut.mutate()}
        >
          <Icon name="sign-out" size={1.125} />
          <span className="header-out-name">Sign out</span>
        </Button>
      </div>
      {signOut.error !== null && (
        <div className="header-content">
          <Notice kind="bad" title="You are still signed in.">
            {requestErrorText(signOut.error)}
          </Notice>
        </div>
      )}
    </header>
  );
}

function Balance() {
  const { data } = useWallet();
  return (
    <span className="header-balance numbers">
      {data === undefined ? <VisuallyHidden>is loading</VisuallyHidden> : dollars(data.balance, "down")}
    </span>
  );
}
