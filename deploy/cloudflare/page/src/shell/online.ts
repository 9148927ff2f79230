/** Knows whether the network is there, as far as the browser and the last requests can tell. */

import { useSyncExternalStore } from "react";
import { ApiFailure } from "../api/client.ts";
import { useWallet } from "../api/queries.ts";

/** Returns whether the API can be reached. */
export function useIsOnline(): boolean {
  const hasNetwork = useSyncExternalStore(subscribe, () => navigator.onLine);
  // The wallet is asked for every few seconds, so its last request tells whether the API answers.
  const { failureReason } = useWallet();
  return hasNetwork && !(failureReason instanceof ApiFailure && failureReason.status === 0);
}

function subscribe(onChange: () => void): () => void {
  window.addEventListener("online", onChange);
  window.addEventListener("offline", onChange);
  return () => {
    window.removeEventListener("online", onChange);
    window.removeEventListener("offline", onChange);
  };
}
