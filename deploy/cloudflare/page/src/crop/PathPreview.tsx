/** Offers to find the path of a crop that follows a person before the export is paid: a small export, at its own price. */

import { useState } from "react";
import type { Job } from "../api/client.ts";
import { useJob, useQuote, useStartJob } from "../api/queries.ts";
import { JobProgress } from "../job/JobProgress.tsx";
import { UnfinishedJob } from "../job/UnfinishedJob.tsx";
import type { VideoFacts } from "../media/probe.ts";
import { quoteOrder } from "../order/order_request.ts";
import { useSettled } from "../order/use_settled.ts";
import { NEW_ORDER } from "../state/client_state.ts";
import { dollars } from "../text/money.ts";
import { requestErrorText } from "../text/request_errors.ts";
import { Button } from "../ui/Button.tsx";
import { Notice } from "../ui/Notice.tsx";
import type { PictureSize } from "./crop_box.ts";
import type { Keyframe } from "./crop_path.ts";
import type { ExportOrder, Params } from "./export_order.ts";
import { FollowedStretches } from "./FollowedStretches.tsx";
import { stretchesOf } from "./followed_stretches.ts";
import { cropSize } from "./output_size.ts";

/** The longer side of the pictures of a preview, in pixels. Nobody looks at them: only the path counts. */
const LONGER_SIDE_PX = 320;
/** How long nothing must change before the price is asked for, in milliseconds. */
const DELAY_MS = 400;

/** How much of the video a preview exports, in seconds. The worker plans the path of all of it nevertheless. */
const LENGTH_S = 1;

/** Returns a small and short export that moves its crop as an order does. */
function previewParams(params: Params, picture: PictureSize): Params {
  const { width, height } = cropSize(params, picture);
  const scale = Math.min(1, LONGER_SIDE_PX / Math.max(width, height));
  const even = (side: number) => Math.max(2, 2 * Math.round((side * scale) / 2));
  const { follow, start, end } = params;
  const shortEnd = (start ?? 0) + LENGTH_S;
  return {
    ...(follow == null ? {} : { follow }),
    ...(start == null ? {} : { start }),
    end: Math.min(end ?? shortEnd, shortEnd),
    quality: "low",
    format: "mp4",
    size: `${even(width)}x${even(height)}`,
  };
}

/** Returns the path that the worker has found; null if a job has none. */
export function pathOf(job: Pick<Job, "result"> | undefined): Keyframe[] | null {
  const { keyframes } = (job?.result ?? {}) as { keyframes?: Keyframe[] | null };
  return Array.isArray(keyframes) && keyframes.length >= 2 ? keyframes : null;
}

interface PathPreviewProps {
  uploadId: string;
  facts: VideoFacts;
  order: ExportOrder;
  /** The job that finds the path, once it has been started. */
  jobId: string | null;
  onStarted: (jobId: string) => void;
  /** Takes the path to be edited, in place of following. */
  onEdit: (keyframes: Keyframe[]) => void;
}

export function PathPreview({ uploadId, facts, order, jobId, onStarted, onEdit }: PathPreviewProps) {
  if (jobId !== null) return <PreviewJob jobId={jobId} onEdit={onEdit} />;
  return <PreviewOffer uploadId={uploadId} facts={facts} order={order} onStarted={onStarted} />;
}

function PreviewOffer(props: Omit<PathPreviewProps, "jobId" | "onEdit">) {
  const { uploadId, facts, order, onStarted } = props;
  const wanted = quoteOrder(
    uploadId,
    {
      ...NEW_ORDER,
      task: "export",
      export: previewParams(order.params, facts),
      followJobId: order.followJobId,
    },
    facts,
  );
  const { value, isSettled } = useSettled(wanted, JSON.stringify(wanted), DELAY_MS);
  const quote = useQuote(value);
  const start = useStartJob();
  const [isAsked, setAsked] = useState(false);
  const isReady = isSettled && quote.data !== undefined && !quote.isPlaceholderData;
  const problem = start.error ?? quote.error;
  const onClick = () => {
    if (!isReady || quote.data === undefined) return;
    setAsked(true);
    start.mutate(quote.data, { onSuccess: (job) => onStarted(job.id), onError: () => setAsked(false) });
  };
  return (
    <div className="path-preview">
      <div className="row">
        <Button disabled={!isReady || isAsked} onClick={onClick}>
          {isReady && quote.data !== undefined
            ? `Preview the path (about ${dollars(quote.data.expected)})`
            : "Preview the path"}
        </Button>
        <span className="muted small">
          {isReady && quote.data !== undefined
            ? `At most ${dollars(quote.data.hold, "up")}. The path appears on the picture, and you can change it.`
            : "Asking for the price …"}
        </span>
      </div>
      {problem !== null && (
        <Notice kind="bad" title="The path cannot be previewed.">
          {requestErrorText(problem)}
        </Notice>
      )}
    </div>
  );
}

function PreviewJob({ jobId, onEdit }: { jobId: string; onEdit: (keyframes: Keyframe[]) => void }) {
  const { data: job } = useJob(jobId);
  if (job === undefined) return null;
  if (job.ended_at === null) return <JobProgress job={job} />;
  const path = pathOf(job);
  if (job.state !== "completed") return <UnfinishedJob job={job} />;
  if (path === null) return <p>The crop does not move: there is nothing to edit.</p>;
  const stretches = stretchesOf(job);
  return (
    <>
      <div className="row path-preview">
        <Button kind="primary" onClick={() => onEdit(path)}>
          Edit the path
        </Button>
        <span className="muted">{`The path has ${path.length} keyframes and is drawn on the picture.`}</span>
      </div>
      {stretches.length > 0 && <FollowedStretches stretches={stretches} />}
    </>
  );
}
