/** Shows the balance of the wallet, what is held for running jobs, and the entries. */

import { useEntries } from "../api/queries.ts";
import { dollars, exactDollars } from "../text/money.ts";
import { requestErrorText } from "../text/request_errors.ts";
import { Button } from "../ui/Button.tsx";
import { Card } from "../ui/Card.tsx";
import { EmptyState } from "../ui/EmptyState.tsx";
import { Notice } from "../ui/Notice.tsx";
import { Skeleton } from "../ui/Skeleton.tsx";
import { ViewHeading } from "../ui/ViewHeading.tsx";
import { EntryTable } from "./EntryTable.tsx";
import "./wallet.css";

export function WalletPage() {
  return (
    <>
      <ViewHeading title="Wallet" />
      <Entries />
    </>
  );
}

function Entries() {
  const list = useEntries();
  if (list.isPending) {
    return (
      <>
        <Skeleton height="9rem" label="Loading the wallet" />
        <div className="wallet-space" />
        <Skeleton height="24rem" label="Loading the entries" />
      </>
    );
  }
  const wallet = list.data?.pages[0];
  const entries = list.data?.pages.flatMap((page) => page.entries) ?? [];
  return (
    <>
      {list.isError && (
        <Notice
          kind="bad"
          title={wallet === undefined ? "The wallet could not be loaded." : "The wallet may be out of date."}
          actions={<Button onClick={() => list.refetch()}>Try again</Button>}
        >
          {requestErrorText(list.error)}
        </Notice>
      )}
      {wallet !== undefined && (
        <>
          <Totals balance={wallet.balance} held={wallet.held} />
          {entries.length === 0 ? <NoEntries /> : <EntryTable entries={entries} balance={wallet.balance} />}
        </>
      )}
      {list.hasNextPage && (
        <Button disabled={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
          {list.isFetchingNextPage ? "Loading …" : "Show older entries"}
        </Button>
      )}
    </>
  );
}

function Totals({ balance, held }: { balance: number; held: number }) {
  return (
    <Card className="totals">
      <dl>
        <div>
          <dt>Available</dt>
          <dd className="total numbers" title={exactDollars(balance)}>
            {dollars(balance, "down")}
          </dd>
          <dd className="muted small">For a top-up, ask the operator of this service.</dd>
        </div>
        <div>
          <dt>Held</dt>
          <dd className="total numbers" title={exactDollars(held)}>
            {dollars(held, "up")}
          </dd>
          <dd className="muted small">
            {held === 0
              ? "Nothing is held, because no job is running."
              : "The most that your running jobs can cost. When a job ends, what it did not use is released."}
          </dd>
        </div>
      </dl>
    </Card>
  );
}

function NoEntries() {
  return (
    <EmptyState icon="wallet" title="The wallet is empty">
      Top-ups and charges are listed here. For a top-up, ask the operator of this service.
    </EmptyState>
  );
}
