/** The entries of the wallet in words, each with the balance after it. */

import type { Entry } from "../api/client.ts";
import { links } from "../state/route.ts";
import { decimalsOf, exactDollars } from "../text/money.ts";
import { When } from "../ui/When.tsx";
import { balancesAfter } from "./balances.ts";
import { entryDetail, entryText } from "./entry_text.ts";

interface EntryTableProps {
  /** The newest first, without a gap. */
  entries: Entry[];
  /** The balance after the newest, in micro-dollars. */
  balance: number;
}

export function EntryTable({ entries, balance }: EntryTableProps) {
  const balances = balancesAfter(entries, balance);
  const decimals = decimalsOf([...entries.map(({ amount }) => amount), ...balances]);
  return (
    <table className="entries">
      <caption>Entries</caption>
      <thead>
        <tr>
          <th scope="col">Entry</th>
          <th scope="col" className="amount">
            Amount
          </th>
          <th scope="col" className="amount wide">
            Balance
          </th>
        </tr>
      </thead>
      <tbody>
        {entries.map((entry, index) => (
          <tr key={entry.id}>
            <th scope="row" className="from-outside">
              {entry.job_id === null ? (
                entryText(entry)
              ) : (
                <a href={links.job(entry.job_id)}>{entryText(entry)}</a>
              )}
              <span className="muted small entry-detail">
                <When ms={entry.created_at} />
                {entryDetail(entry) !== "" && ` · ${entryDetail(entry)}`}
              </span>
            </th>
            <td className={`amount numbers ${entry.amount > 0 ? "income" : ""}`}>
              {entry.amount > 0 && "+"}
              {exactDollars(entry.amount, decimals)}
            </td>
            <td className="amount numbers muted wide">{exactDollars(balances[index] ?? 0, decimals)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
