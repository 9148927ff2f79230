/** Lists all jobs with their states and prices, the newest first. */

import { useJobs } from "../api/queries.ts";
import { links } from "../state/route.ts";
import { requestErrorText } from "../text/request_errors.ts";
import { Button, ButtonLink } from "../ui/Button.tsx";
import { EmptyState } from "../ui/EmptyState.tsx";
import { Icon } from "../ui/Icon.tsx";
import { Notice } from "../ui/Notice.tsx";
import { Skeleton } from "../ui/Skeleton.tsx";
import { ViewHeading } from "../ui/ViewHeading.tsx";
import { JobRow } from "./JobRow.tsx";
import "./history.css";

export function JobsPage() {
  return (
    <>
      <ViewHeading
        title="Jobs"
        actions={
          <ButtonLink href={links.start}>
            <Icon name="plus" /> New job
          </ButtonLink>
        }
      />
      <JobList />
    </>
  );
}

function JobList() {
  const list = useJobs();
  if (list.isPending) return <Skeleton height="28rem" label="Loading the jobs" />;
  const jobs = list.data?.pages.flatMap((page) => page.jobs) ?? [];
  return (
    <>
      {list.isError && (
        <Notice
          kind="bad"
          title={jobs.length > 0 ? "The list may be out of date." : "The jobs could not be loaded."}
          actions={<Button onClick={() => list.refetch()}>Try again</Button>}
        >
          {requestErrorText(list.error)}
        </Notice>
      )}
      {list.isSuccess && jobs.length === 0 && <NoJobs />}
      {jobs.length > 0 && (
        <ul className="jobs">
          {jobs.map((job) => (
            <JobRow key={job.id} job={job} />
          ))}
        </ul>
      )}
      {list.hasNextPage && (
        <Button disabled={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
          {list.isFetchingNextPage ? "Loading …" : "Show older jobs"}
        </Button>
      )}
    </>
  );
}

function NoJobs() {
  return (
    <EmptyState
      icon="film"
      title="No jobs yet"
      action={
        <ButtonLink kind="primary" href={links.start}>
          <Icon name="upload" /> Choose a video
        </ButtonLink>
      }
    >
      Your jobs are listed here with their state and price.
    </EmptyState>
  );
}
