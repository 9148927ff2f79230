/**
 * Knows whether a user is signed in, in all tabs at once.
 *
 * The session itself is a cookie that scripts cannot read. A mark in localStorage says that there is one: so a reload
 * shows the page at once rather than after the first answer, and tabs notice when another one signs in or out.
 */

import { create } from "zustand";

/** `unknown`: the first answer of the API will tell. */
type Session = "unknown" | "open" | "closed";

interface SessionState {
  session: Session;
  /** Whether the session ended by itself: it expired, or its key was revoked. */
  hasExpired: boolean;
}

const MARK = "framewright-session";

export const useSession = create<SessionState>()(() => ({
  session: localStorage.getItem(MARK) === null ? "unknown" : "open",
  hasExpired: false,
}));

/** Notes that a user has signed in here. */
export function signedIn(): void {
  localStorage.setItem(MARK, crypto.randomUUID());
  useSession.setState({ session: "open", hasExpired: false });
}

/** Notes that the user has signed out here. */
export function signedOut(): void {
  localStorage.removeItem(MARK);
  useSession.setState({ session: "closed", hasExpired: false });
}

/** Notes what an answer of the API tells: 401 means that there is no session, any success that there is one. */
export function noteAnswer(status: number): void {
  const { session } = useSession.getState();
  if (status === 401 && session !== "closed") {
    const hasExpired = localStorage.getItem(MARK) !== null;
    localStorage.removeItem(MARK);
    useSession.setState({ session: "closed", hasExpired });
  }
  if (status < 300 && session === "unknown") signedIn();
}

/**
 * Calls back when another tab has signed in or out.
 *
 * @returns what ends that.
 */
export function watchOtherTabs(onChange: () => void): () => void {
  const listener = ({ key, newValue }: StorageEvent) => {
    // The key is null if the whole storage was cleared.
    if (key !== MARK && key !== null) return;
    useSession.setState({ session: newValue === null ? "closed" : "open", hasExpired: false });
    onChange();
  };
  window.addEventListener("storage", listener);
  return () => window.removeEventListener("storage", listener);
}
