/** Reads the tracks of a job once; they stay in memory as long as they are shown. */

import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Job } from "../api/client.ts";
import { jobKey } from "../api/queries.ts";
import { loadTracks } from "./load_tracks.ts";

const tracksKey = (jobId: string) => ["tracks", jobId];

/**
 * Returns the query of a job's tracks, and how many bytes of them have been read.
 *
 * @param job a completed job; undefined while it is being asked for.
 */
export function useTracks(job: Job | undefined) {
  const [readBytes, setReadBytes] = useState(0);
  const client = useQueryClient();
  const tracks = useQuery({
    queryKey: tracksKey(job?.id ?? ""),
    queryFn: ({ signal }) => {
      if (job === undefined) throw new Error("there is no job yet");
      // The job in the cache has the newest links.
      return loadTracks(client.getQueryData<Job>(jobKey(job.id)) ?? job, signal, setReadBytes);
    },
    enabled: job?.state === "completed",
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    retry: false,
    structuralSharing: false,
  });
  return { tracks, readBytes };
}

/** Reads the tracks of a job again. It gets new links first, because the old ones may have expired. */
export async function reloadTracks(client: QueryClient, jobId: string): Promise<void> {
  await client.refetchQueries({ queryKey: jobKey(jobId) });
  await client.resetQueries({ queryKey: tracksKey(jobId) });
}
