/** Keeps which view is shown in the fragment of the address, such as #/jobs/job_3f2a: ids only, never a URL or a key. */

import { useSyncExternalStore } from "react";

export type Route =
  | { view: "start" }
  | { view: "order"; uploadId: string }
  | { view: "jobs" }
  | { view: "job"; jobId: string }
  | { view: "wallet" }
  | { view: "unknown" };

/** Returns the route that a fragment names. */
export function routeOf(fragment: string): Route {
  const [first = "", second, ...more] = fragment.replace(/^#?\/?/, "").split("/");
  if (more.length > 0) return { view: "unknown" };
  if (first === "" && second === undefined) return { view: "start" };
  if (first === "uploads" && second !== undefined && /^up_[0-9a-f]{32}$/.test(second)) {
    return { view: "order", uploadId: second };
  }
  if (first === "jobs" && second === undefined) return { view: "jobs" };
  if (first === "jobs" && second !== undefined && /^job_[0-9a-f]{32}$/.test(second)) {
    return { view: "job", jobId: second };
  }
  if (first === "wallet" && second === undefined) return { view: "wallet" };
  return { view: "unknown" };
}

/** The fragments of the views, for links. */
export const links = {
  start: "#/",
  order: (uploadId: string) => `#/uploads/${uploadId}`,
  jobs: "#/jobs",
  job: (jobId: string) => `#/jobs/${jobId}`,
  wallet: "#/wallet",
};

/** Shows another view. */
export function goTo(link: string): void {
  window.location.hash = link;
}

/** Returns the current route, and renders again when it changes. */
export function useRoute(): Route {
  return routeOf(useSyncExternalStore(subscribe, () => window.location.hash));
}

function subscribe(onChange: () => void): () => void {
  window.addEventListener("hashchange", onChange);
  return () => window.removeEventListener("hashchange", onChange);
}
