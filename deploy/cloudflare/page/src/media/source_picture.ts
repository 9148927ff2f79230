/** Decides how the source of a job can be shown: as a video that the browser plays, or by pictures from the worker. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { ApiFailure, type Job } from "../api/client.ts";
import { queryClient } from "../api/queries.ts";
import { getJob, getJobs, getUpload } from "../api/requests.ts";
import { useClientState } from "../state/client_state.ts";
import { playableSize } from "../video/playable.ts";
import { LINK_MS, PICTURES, TRY_AGAIN_MS } from "./picture_queries.ts";
import { readStills, type Still } from "./preview.ts";

/** A source that the browser cannot play. */
interface Unplayable {
  uploadId: string;
  /** The name of the file, as its user gave it. */
  name: string;
}

export type SourcePicture =
  | { kind: "loading" }
  | {
      kind: "video";
      url: string;
      /** What `loadFrameTimes` reads: a file of this tab, or the URL. */
      media: Blob | string;
      /** The browser cannot play the source, and the output of another job on it is shown in its place. */
      isStandIn: boolean;
      /** Says more of the source if this is a stand-in; else null. */
      unplayable: Unplayable | null;
    }
  | { kind: "stills"; stills: Still[]; unplayable: Unplayable }
  /** The browser cannot play the source, and no job has made pictures of it yet. */
  | { kind: "none"; unplayable: Unplayable };

/** How often an upload that is not complete is looked at, in milliseconds. */
const LOOK_AGAIN_MS = 3000;
/** How many pages of jobs are searched for one that has pictures of an upload. */
const MOST_PAGES = 5;

/**
 * Returns how the source of an upload can be shown, and renders again when that is known.
 *
 * A URL that works is kept, though the API makes new ones for each answer: a video that gets another `src` starts anew.
 */
export function useSourcePicture(uploadId: string): SourcePicture {
  const file = useClientState(({ files }) => files[uploadId]) ?? null;
  const fileUrl = useObjectUrl(file);
  const found = useQuery({
    queryKey: [...PICTURES, "source", uploadId, fileUrl],
    queryFn: ({ signal }) => findPicture(uploadId, file, fileUrl, signal),
    enabled: file === null || fileUrl !== null,
    retry: (count, error) => (error instanceof ApiFailure ? error.retryable : true) && count < 5,
    staleTime: LINK_MS,
    refetchInterval: ({ state }) =>
      state.data?.kind === "loading" ? LOOK_AGAIN_MS : state.status === "error" ? TRY_AGAIN_MS : false,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  return found.data ?? { kind: "loading" };
}

/** Gets new links of videos that are shown, if the old ones are so old that they have ended. */
export function renewLinks(): void {
  queryClient.refetchQueries({ queryKey: PICTURES, stale: true });
}

/** Looks again how a source can be shown, after a job on it has made pictures. */
export function lookAgain(uploadId: string): Promise<void> {
  return queryClient.invalidateQueries({ queryKey: [...PICTURES, "source", uploadId] });
}

function useObjectUrl(file: File | null): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (file === null) return;
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => {
      URL.revokeObjectURL(made);
      setUrl(null);
    };
  }, [file]);
  return url;
}

async function findPicture(
  uploadId: string,
  file: File | null,
  fileUrl: string | null,
  signal: AbortSignal,
): Promise<SourcePicture> {
  if (file !== null && fileUrl !== null && (await playableSize(fileUrl, signal)) !== null) {
    return { kind: "video", url: fileUrl, media: file, isStandIn: false, unplayable: null };
  }
  const upload = await getUpload(uploadId, signal);
  const url = upload.source_url ?? null;
  // Nothing can be shown before the upload is complete, unless its file was chosen in this tab.
  if (file === null && url === null) return { kind: "loading" };
  if (file === null && url !== null && (await playableSize(url, signal)) !== null) {
    return { kind: "video", url, media: url, isStandIn: false, unplayable: null };
  }
  const unplayable = { uploadId, name: upload.name };
  const jobs = await completedJobs(uploadId, signal);
  for (const { id } of jobs.filter(showsWholeSource)) {
    const { links } = await getJob(id, signal);
    if (links.output !== null && (await playableSize(links.output, signal)) !== null) {
      return { kind: "video", url: links.output, media: links.output, isStandIn: true, unplayable };
    }
  }
  for (const { id } of jobs) {
    const stills = await readStills(await getJob(id, signal), signal);
    if (stills.length > 0) return { kind: "stills", stills, unplayable };
  }
  return { kind: "none", unplayable };
}

/** Returns the completed jobs on an upload, newest first. */
async function completedJobs(uploadId: string, signal: AbortSignal): Promise<Job[]> {
  const found: Job[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < MOST_PAGES; page++) {
    const list: { jobs: Job[]; next: string | null } = await getJobs(cursor, signal);
    found.push(...list.jobs.filter((job) => job.upload_id === uploadId && job.state === "completed"));
    cursor = list.next;
    if (cursor === null) break;
  }
  return found;
}

/** Whether a job's output shows the whole picture of its source, from its first frame to its last. */
export function showsWholeSource(job: Pick<Job, "task" | "params" | "quote">): boolean {
  const params = job.params as Record<string, unknown>;
  return (
    job.task === "export" &&
    !job.quote.film?.is_preview &&
    ["crop", "follow", "start", "end"].every((name) => params[name] === undefined || params[name] === null)
  );
}
