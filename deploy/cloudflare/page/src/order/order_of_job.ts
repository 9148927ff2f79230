/** Turns a job back into an order, so that it can be run again with changes. */

import type { Job } from "../api/client.ts";
import { type ExportParams, NEW_ORDER, type Order } from "../state/client_state.ts";

/**
 * Returns the order of a job. The crop of an export that followed a person becomes the path that it took, to be edited;
 * if there is none, the export follows the same track again.
 */
export function orderOfJob(job: Pick<Job, "task" | "params" | "result">): Order {
  if (job.task !== "export") return { ...NEW_ORDER, task: job.task, [job.task]: job.params };
  const { tracks, follow, ...params } = job.params as ExportParams;
  const { keyframes } = (job.result ?? {}) as { keyframes?: ExportParams["crop"] };
  const followed = follow == null ? {} : { follow };
  if (keyframes != null) return { ...NEW_ORDER, task: "export", export: { ...params, crop: keyframes } };
  // A document that was sent along is kept. A URL is not: it is signed, and leads to the output of a job.
  const document = typeof tracks === "object" && tracks !== null ? { tracks } : {};
  const followJobId = typeof tracks === "string" ? jobOfOutput(tracks) : null;
  const isKnown = followJobId !== null || "tracks" in document;
  return {
    ...NEW_ORDER,
    task: "export",
    export: { ...params, ...(isKnown ? { ...followed, ...document } : {}) },
    followJobId,
  };
}

/** Returns the id of the job whose output a URL of the bucket leads to; null if it leads elsewhere. */
function jobOfOutput(url: string): string | null {
  return /\/(job_[0-9a-f]{32})\.json(?:\?|$)/.exec(url)?.[1] ?? null;
}
