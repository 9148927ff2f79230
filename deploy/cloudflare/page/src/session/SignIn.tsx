/** Asks for the API key, which the browser exchanges for a cookie. */

import { type FormEvent, useState } from "react";
import { useSignIn } from "../api/queries.ts";
import { Button } from "../ui/Button.tsx";
import { Notice } from "../ui/Notice.tsx";

export function SignIn() {
  const signIn = useSignIn();
  const [key, setKey] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate(key.trim());
  };
  return (
    <main id="main">
      <h1>Framewright</h1>
      <form className="card" onSubmit={submit}>
        <div className="field">
          <label htmlFor="key">API key</label>
          <input
            id="key"
            type="password"
            autoComplete="off"
            required
            value={key}
            onChange={(event) => setKey(event.target.value)}
          />
        </div>
        {signIn.error !== null && <Notice kind="bad">{signIn.error.message}</Notice>}
        <Button kind="primary" type="submit" disabled={signIn.isPending}>
          Sign in
        </Button>
      </form>
    </main>
  );
}
