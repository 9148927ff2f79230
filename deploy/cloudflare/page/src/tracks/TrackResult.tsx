/** Shows the tracks of a job over the playing video, with a timeline under it; a click on a person follows it. */

import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { Job } from "../api/client.ts";
import { jobKey } from "../api/queries.ts";
import { Button } from "../ui/Button.tsx";
import { Notice } from "../ui/Notice.tsx";
import { Skeleton } from "../ui/Skeleton.tsx";
import { loadTracks, TracksFailure } from "./load_tracks.ts";
import { NothingFound } from "./NothingFound.tsx";
import { TrackPlayer } from "./TrackPlayer.tsx";
import { TrackSummary } from "./TrackSummary.tsx";

export function TrackResult({ job }: { job: Job }) {
  const client = useQueryClient();
  const { tracks, readBytes } = useTracks(job);
  if (tracks.error !== null) {
    return (
      <Notice
        kind="bad"
        title="The tracks cannot be shown"
        actions={
          !(tracks.error instanceof TracksFailure && !tracks.error.canRetry) && (
            <Button onClick={() => retry(client, job.id)}>Try again</Button>
          )
        }
      >
        {tracks.error.message}
      </Notice>
    );
  }
  if (tracks.data === undefined) {
    const far = readBytes > 1e6 ? ` (${Math.round(readBytes / 1e6)} MB)` : "";
    return <Skeleton height="30rem" label={`Loading the tracks${far}`} />;
  }
  return (
    <div className="stack track-result">
      {tracks.data.tracks.length === 0 ? (
        <NothingFound job={job} />
      ) : (
        <>
          <TrackPlayer job={job} document={tracks.data} />
          <TrackSummary job={job} document={tracks.data} />
        </>
      )}
    </div>
  );
}

/** Reads the tracks of a job once; they stay in memory as long as they are shown. */
function useTracks(job: Job) {
  const [readBytes, setReadBytes] = useState(0);
  const client = useQueryClient();
  const tracks = useQuery({
    queryKey: ["tracks", job.id],
    // The job in the cache has the newest links.
    queryFn: ({ signal }) =>
      loadTracks(client.getQueryData<Job>(jobKey(job.id)) ?? job, signal, setReadBytes),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    retry: false,
    structuralSharing: false,
  });
  return useMemo(() => ({ tracks, readBytes }), [tracks, readBytes]);
}

/** Gets new links first, because the old ones may have ended. */
async function retry(client: QueryClient, jobId: string): Promise<void> {
  await client.refetchQueries({ queryKey: jobKey(jobId) });
  await client.resetQueries({ queryKey: ["tracks", jobId] });
}
