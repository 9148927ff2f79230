/** Waits for the first answer of the API, which tells whether a user is signed in. It shows nothing at first. */

import { useWallet } from "../api/queries.ts";
import { Brand } from "../shell/Brand.tsx";
import { requestErrorText } from "../text/request_errors.ts";
import { Button } from "../ui/Button.tsx";
import { Notice } from "../ui/Notice.tsx";
import "./session.css";

export function Opening() {
  const wallet = useWallet();
  const failure = wallet.failureReason;
  return (
    <main id="main" className="session opening">
      <h1>
        <Brand />
      </h1>
      {failure === null ? (
        <p className="muted" role="status">
          Opening …
        </p>
      ) : (
        <Notice
          kind="warn"
          title="Framewright does not answer."
          actions={
            <Button disabled={wallet.isFetching && !wallet.isError} onClick={() => wallet.refetch()}>
              {wallet.isError ? "Try again" : "Trying again …"}
            </Button>
          }
        >
          {requestErrorText(failure)}
        </Notice>
      )}
    </main>
  );
}
