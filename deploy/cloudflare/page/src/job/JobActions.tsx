/** Runs an ended job again with changes, or deletes it. */

import { useState } from "react";
import type { Job } from "../api/client.ts";
import { useDeleteJob } from "../api/queries.ts";
import { orderOfJob } from "../order/order_of_job.ts";
import { useClientState } from "../state/client_state.ts";
import { goTo, links } from "../state/route.ts";
import { requestErrorText } from "../text/request_errors.ts";
import { Button } from "../ui/Button.tsx";
import { ConfirmDialog } from "../ui/Dialog.tsx";
import { Icon } from "../ui/Icon.tsx";
import { Notice } from "../ui/Notice.tsx";

interface JobActionsProps {
  job: Job;
  /** The words of the first button. */
  again?: string;
  againKind?: "primary" | "plain";
}

export function JobActions({ job, again = "Run again with changes", againKind = "plain" }: JobActionsProps) {
  const changeOrder = useClientState((state) => state.changeOrder);
  const remove = useDeleteJob();
  const [asks, setAsks] = useState(false);
  return (
    <>
      <Button
        kind={againKind}
        onClick={() => {
          changeOrder(job.upload_id, orderOfJob(job));
          goTo(links.order(job.upload_id));
        }}
      >
        <Icon name="reload" /> {again}
      </Button>
      <Button kind="quiet" disabled={remove.isPending} onClick={() => setAsks(true)}>
        <Icon name="trash" /> Delete
      </Button>
      {remove.error !== null && (
        <Notice kind="bad" title="The job was not deleted.">
          {requestErrorText(remove.error)}
        </Notice>
      )}
      {asks && (
        <ConfirmDialog
          title="Delete this job?"
          confirm="Delete the job"
          onClose={() => setAsks(false)}
          onConfirm={() => {
            setAsks(false);
            remove.mutate(job.id, { onSuccess: () => goTo(links.jobs) });
          }}
        >
          Its result is deleted too, and cannot be brought back. The source video stays. What the job has cost
          is not returned.
        </ConfirmDialog>
      )}
    </>
  );
}
