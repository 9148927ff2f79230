/** Shows a job that failed or was cancelled: why, what to do, and what it has cost. */

import type { Job } from "../api/client.ts";
import { jobErrorText, sentence } from "../text/job_errors.ts";
import { chargeText } from "../text/job_states.ts";
import { Card } from "../ui/Card.tsx";
import { Disclosure } from "../ui/Disclosure.tsx";
import { Notice } from "../ui/Notice.tsx";
import { Bill } from "./Bill.tsx";
import { Facts } from "./Facts.tsx";
import { JobActions } from "./JobActions.tsx";
import { Settings } from "./Settings.tsx";
import "./JobColumns.css";

export function UnfinishedJob({ job }: { job: Job }) {
  const { error } = job;
  const again = error?.retryable ? "Try again" : "Run again with changes";
  return (
    <>
      {error === null ? (
        <Notice title="The job was cancelled." actions={<JobActions job={job} again={again} />}>
          {chargeText(job)} There is no result.
        </Notice>
      ) : (
        <FailureNotice job={job} error={error} again={again} />
      )}
      <div className="job-columns">
        <Card title="Price">
          <Bill job={job} />
        </Card>
        <Settings job={job} />
      </div>
    </>
  );
}

function FailureNotice({ job, error, again }: { job: Job; error: NonNullable<Job["error"]>; again: string }) {
  const { what, toDo } = jobErrorText(error);
  return (
    <Notice
      kind="bad"
      title={what}
      actions={<JobActions job={job} again={again} againKind={error.retryable ? "primary" : "plain"} />}
    >
      <p>
        {toDo} <strong>{chargeText(job)}</strong>
      </p>
      <Disclosure summary="What the worker reported">
        <p className="from-outside">{sentence(error.message)}</p>
        <Facts
          rows={[
            ["Code", error.code],
            ["Job", job.id],
          ]}
        />
      </Disclosure>
    </Notice>
  );
}
