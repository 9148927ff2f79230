/** Asks for the API key, which the browser exchanges for a cookie. */

import { type FormEvent, useEffect, useRef, useState } from "react";
import { ApiFailure } from "../api/client.ts";
import { useSignIn } from "../api/queries.ts";
import { Brand } from "../shell/Brand.tsx";
import { useSession } from "../state/session.ts";
import { requestErrorText } from "../text/request_errors.ts";
import { Button } from "../ui/Button.tsx";
import { Disclosure } from "../ui/Disclosure.tsx";
import { Field } from "../ui/Field.tsx";
import { Notice } from "../ui/Notice.tsx";
import "./session.css";

export function SignIn() {
  const signIn = useSignIn();
  const hasExpired = useSession((state) => state.hasExpired);
  const [key, setKey] = useState("");
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = "Sign in · Framewright";
    input.current?.focus();
  }, []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate(key.trim());
  };
  return (
    <main id="main" className="session">
      <h1>
        <Brand />
      </h1>
      <p className="session-lead">
        Upscale, track and export video on a GPU, at a price that you know before you start.
      </p>
      {hasExpired && <Notice title="Your session has ended.">Sign in to continue where you were.</Notice>}
      <form className="card" onSubmit={submit}>
        <Field
          label="API key"
          hint="It begins with fw_live_. The page does not keep it."
          error={signIn.error === null ? null : signInErrorText(signIn.error)}
        >
          {(control) => (
            <input
              {...control}
              ref={input}
              type="password"
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              required
              value={key}
              onChange={(event) => setKey(event.target.value)}
            />
          )}
        </Field>
        <Button kind="primary" type="submit" className="session-submit" disabled={signIn.isPending}>
          {signIn.isPending ? "Signing in …" : "Sign in"}
        </Button>
      </form>
      <Disclosure summary="What is an API key?">
        <p>
          A key identifies you and the wallet that pays. The operator of this service creates one for you,
          with money in the wallet. It is shown once, so keep it in a password manager.
        </p>
        <p>
          On your own machine, <code>make cloud</code> prints one with 5 dollars of play money.
        </p>
      </Disclosure>
    </main>
  );
}

function signInErrorText(error: Error): string {
  if (!(error instanceof ApiFailure)) return "Signing in failed. Try again.";
  if (error.status === 401) {
    return "This key is not valid. Check that you have copied all of it; it may also have been revoked.";
  }
  if (error.status === 429) {
    return `Too many attempts came from your network. Try again in ${error.retryAfterS ?? 60} seconds.`;
  }
  return requestErrorText(error);
}
