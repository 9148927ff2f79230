/** Asks the worker for pictures of a source that the browser cannot play: a small export, at its quoted price. */

import { useEffect } from "react";
import type { Job } from "../api/client.ts";
import { type QuoteOrder, useJob, useJobs, useQuote, useStartJob } from "../api/queries.ts";
import { JobProgress } from "../job/JobProgress.tsx";
import { UnfinishedJob } from "../job/UnfinishedJob.tsx";
import type { VideoFacts } from "../media/probe.ts";
import { lookAgain, showsWholeSource } from "../media/source_picture.ts";
import { sourceOf } from "../order/order_request.ts";
import { dollars } from "../text/money.ts";
import { requestErrorText } from "../text/request_errors.ts";
import { Button } from "../ui/Button.tsx";
import { smallSize } from "./small_size.ts";

interface AskForPicturesProps {
  uploadId: string;
  /** What is known of the source; null if that cannot be read in the browser. */
  facts: VideoFacts | null;
  isReading: boolean;
}

export function AskForPictures({ uploadId, facts, isReading }: AskForPicturesProps) {
  const started = useStartedJob(uploadId);
  const quote = useQuote(isReading || started !== null ? null : orderOf(uploadId, facts));
  const start = useStartJob();
  const jobId = start.data?.id ?? started;
  if (jobId !== null) return <PicturesJob uploadId={uploadId} jobId={jobId} />;
  const problem = start.error ?? quote.error;
  return (
    <>
      <Button
        disabled={quote.data === undefined || start.isPending}
        onClick={() => quote.data !== undefined && start.mutate(quote.data)}
      >
        {quote.data === undefined
          ? "Ask the worker for pictures"
          : `Ask the worker for pictures (about ${dollars(quote.data.expected)})`}
      </Button>
      {problem !== null && <p>{requestErrorText(problem)}</p>}
    </>
  );
}

/** Returns the id of a job that is making such pictures, perhaps for another tab or from before a reload; or null. */
function useStartedJob(uploadId: string): string | null {
  const jobs = useJobs().data?.pages.flatMap((page) => page.jobs) ?? [];
  const isMaking = (job: Job) => job.upload_id === uploadId && job.ended_at === null && showsWholeSource(job);
  return jobs.find(isMaking)?.id ?? null;
}

function orderOf(uploadId: string, facts: VideoFacts | null): QuoteOrder {
  const source = facts === null ? undefined : sourceOf(facts);
  const size = facts === null ? null : smallSize(facts);
  return {
    upload_id: uploadId,
    task: "export",
    params: { quality: "low", format: "mp4", ...(size === null ? {} : { size }) },
    ...(source === undefined ? {} : { source }),
    followJobId: null,
    preview: false,
  };
}

/** Follows the job that makes the pictures; what waits for them looks again when it is done. */
function PicturesJob({ uploadId, jobId }: { uploadId: string; jobId: string }) {
  const { data: job } = useJob(jobId);
  const state = job?.state;
  useEffect(() => {
    if (state === "completed") void lookAgain(uploadId);
  }, [state, uploadId]);
  if (job === undefined) return null;
  if (job.ended_at === null) return <JobProgress job={job} />;
  return state === "completed" ? <p>The pictures are ready.</p> : <UnfinishedJob job={job} />;
}
