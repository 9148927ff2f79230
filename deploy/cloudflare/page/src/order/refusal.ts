/** Tells the fields of a form which of them the API refused, and why. */

import { createContext, useContext } from "react";

export interface Refusal {
  /** The name of the field in the params of the job, such as `confidence`. */
  param: string;
  /** Why it was refused, in words. */
  reason: string;
}

/** What was refused of the job that is set up; null if nothing was. */
export const RefusalContext = createContext<Refusal | null>(null);

/** Returns why a field was refused; undefined if it was not. */
export function useRefusal(param: string): string | undefined {
  const refusal = useContext(RefusalContext);
  return refusal?.param === param ? refusal.reason : undefined;
}
