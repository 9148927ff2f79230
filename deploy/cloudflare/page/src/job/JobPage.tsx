/** Shows a job: its progress, then its result or its error. */

import { useEffect } from "react";
import type { Job } from "../api/client.ts";
import { useJob } from "../api/queries.ts";
import { links } from "../state/route.ts";
import { spokenText, stageText, workText } from "../text/job_states.ts";
import { requestErrorText } from "../text/request_errors.ts";
import { Button, ButtonLink } from "../ui/Button.tsx";
import { Notice } from "../ui/Notice.tsx";
import { Skeleton } from "../ui/Skeleton.tsx";
import { StateBadge } from "../ui/StateBadge.tsx";
import { ViewHeading } from "../ui/ViewHeading.tsx";
import { VisuallyHidden } from "../ui/VisuallyHidden.tsx";
import { DoneJob } from "./DoneJob.tsx";
import { JobProgress } from "./JobProgress.tsx";
import { Settings } from "./Settings.tsx";
import { UnfinishedJob } from "./UnfinishedJob.tsx";

export function JobPage({ jobId }: { jobId: string }) {
  const { data: job, error, refetch, failureCount, fetchStatus } = useJob(jobId);
  useTabTitle(job);
  if (job === undefined) {
    return (
      <>
        <ViewHeading title="Job" />
        {error === null ? (
          <Skeleton height="24rem" label="Loading the job" />
        ) : (
          <Notice
            kind="bad"
            title="The job cannot be shown."
            actions={
              <>
                <Button onClick={() => void refetch()}>Try again</Button>
                <ButtonLink href={links.jobs}>All jobs</ButtonLink>
              </>
            }
          >
            {requestErrorText(error)}
          </Notice>
        )}
      </>
    );
  }
  const isUnreachable = job.ended_at === null && (failureCount > 0 || fetchStatus === "paused");
  return (
    <>
      <ViewHeading title={titleOf(job)} lead={<StateBadge state={job.state} percent={percentOf(job)} />} />
      <VisuallyHidden>
        <span role="status">{spokenText(job)}</span>
      </VisuallyHidden>
      {isUnreachable && (
        <Notice kind="warn" title="Framewright cannot be reached.">
          The job keeps running. This page follows it again when the connection is back.
        </Notice>
      )}
      {job.ended_at === null ? (
        <>
          <JobProgress job={job} />
          <Settings job={job} />
        </>
      ) : job.state === "completed" ? (
        <DoneJob job={job} />
      ) : (
        <UnfinishedJob job={job} />
      )}
    </>
  );
}

function titleOf(job: Job): string {
  return `${workText(job)} ${job.input_name}`;
}

function percentOf(job: Job): number | null {
  return job.progress?.percent ?? null;
}

/** Shows how far the job is in the name of the tab. The heading names the tab after that. */
function useTabTitle(job: Job | undefined): void {
  const percent = job?.state === "running" ? percentOf(job) : null;
  const stage = job?.progress?.stage ?? "";
  const title = job === undefined ? "" : titleOf(job);
  useEffect(() => {
    if (title === "") return;
    const progress = percent === null ? "" : `${Math.floor(percent)} % ${stageText(stage)} – `;
    document.title = `${progress}${title} · Framewright`;
  }, [percent, stage, title]);
}
