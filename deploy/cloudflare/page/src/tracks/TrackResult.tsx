/** Shows the tracks of a job over the playing video, with a timeline under it; a click on a person follows it. */

import { useQueryClient } from "@tanstack/react-query";
import type { Job } from "../api/client.ts";
import { Button } from "../ui/Button.tsx";
import { Notice } from "../ui/Notice.tsx";
import { Skeleton } from "../ui/Skeleton.tsx";
import { TracksFailure } from "./load_tracks.ts";
import { NothingFound } from "./NothingFound.tsx";
import { TrackPlayer } from "./TrackPlayer.tsx";
import { TrackSummary } from "./TrackSummary.tsx";
import { reloadTracks, useTracks } from "./use_tracks.ts";

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
            <Button onClick={() => void reloadTracks(client, job.id)}>Try again</Button>
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
