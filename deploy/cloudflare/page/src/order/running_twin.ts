/** Finds out whether a job that does the same is already under way, because another tab has started it, for example. */

import type { ListedJob } from "../api/client.ts";
import type { QuoteOrder } from "../api/queries.ts";
import { getJobs } from "../api/requests.ts";

/** Returns the newest job that has not ended and does what an order asks for; undefined if there is none. */
export async function runningTwin(order: QuoteOrder): Promise<ListedJob | undefined> {
  const { jobs } = await getJobs(null);
  const wanted = withoutTracks(order.params);
  return jobs.find(
    (job) =>
      job.ended_at === null &&
      job.upload_id === order.upload_id &&
      job.task === order.task &&
      (job.quote.film?.is_preview ?? false) === order.preview &&
      withoutTracks(job.params) === wanted,
  );
}

/** Returns the settings as text that does not depend on their order. The tracks of a followed job are signed anew each time. */
function withoutTracks(params: Record<string, unknown>): string {
  const { tracks: _tracks, ...rest } = params;
  return JSON.stringify(rest, (_name, value: unknown) =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
