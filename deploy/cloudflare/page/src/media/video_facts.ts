/** Knows what the video of an upload is, from the file that was chosen in this tab or from the bucket. */

import { useQuery } from "@tanstack/react-query";
import type { Upload } from "../api/client.ts";
import { useClientState } from "../state/client_state.ts";
import { checkReachable } from "./byte_source.ts";
import { PICTURES, TRY_AGAIN_MS } from "./picture_queries.ts";
import { probe, type VideoFacts } from "./probe.ts";

interface KnownFacts {
  /** What is known of the video; null while it is being read, and if it cannot be read in the browser. */
  facts: VideoFacts | null;
  /** Whether the video is being read; after that `facts` are final. */
  isReading: boolean;
}

/** Returns what is known of the video of an upload. It is read in the background, and once. */
export function useVideoFacts(upload: Upload | undefined): KnownFacts {
  const file = useClientState(({ files }) => (upload === undefined ? undefined : files[upload.id]));
  const source = file ?? upload?.source_url ?? null;
  const { data, isPending, errorUpdateCount } = useQuery({
    // The source is not part of the key: presigned URLs change, and what they lead to does not.
    queryKey: [...PICTURES, "facts", upload?.id],
    queryFn: () => (source === null ? null : factsOf(source)),
    retry: 2,
    refetchInterval: ({ state }) => (state.status === "error" ? TRY_AGAIN_MS : false),
    enabled: source !== null,
    networkMode: "always",
    // Nothing can be read from the bucket while the network is gone.
    refetchOnReconnect: ({ state }) => (state.data == null ? "always" : false),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
  });
  return {
    facts: data ?? null,
    isReading: upload === undefined || (source !== null && isPending && errorUpdateCount === 0),
  };
}

/**
 * Returns a video's facts; null if it is none that can be read here.
 *
 * @throws TypeError the storage does not give it out, so nothing is known.
 */
async function factsOf(source: Blob | string): Promise<VideoFacts | null> {
  if (typeof source === "string") await checkReachable(source);
  return await probe(source);
}
