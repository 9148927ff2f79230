/** Finds how the output of a job can be shown. */

import { useQuery } from "@tanstack/react-query";
import type { Job } from "../api/client.ts";
import { getJob } from "../api/requests.ts";
import { partOfPreview } from "../film/parts.ts";
import { LINK_MS, PICTURES, TRY_AGAIN_MS } from "../media/picture_queries.ts";
import { readStills, type Still } from "../media/preview.ts";
import { type DisplaySize, playableSize } from "../video/playable.ts";

export interface Output {
  /** The output, if the browser plays it; else null. */
  video: { url: string; size: DisplaySize } | null;
  /** The pictures that the worker has made of the source and the output. */
  stills: Still[];
}

/** Returns how a job's output, or the part of a preview, can be shown; null until that is known. A URL that works is kept. */
export function useOutput(job: Job): Output | null {
  const found = useQuery({
    queryKey: [...PICTURES, "output", job.id],
    queryFn: async ({ signal }): Promise<Output> => {
      const newest = await getJob(job.id, signal);
      const url = newest.links.output ?? partOfPreview(newest)?.url ?? null;
      const size = url === null ? null : await playableSize(url, signal);
      const stills = await readStills(newest, signal);
      return { video: url === null || size === null ? null : { url, size }, stills };
    },
    refetchInterval: ({ state }) => (state.status === "error" ? TRY_AGAIN_MS : false),
    staleTime: LINK_MS,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  return found.data ?? null;
}
