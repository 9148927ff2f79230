/** Shows how far a job is that has not ended, and cancels it. */

import { lazy, Suspense, useState } from "react";
import type { Job, Progress } from "../api/client.ts";
import { useCancelJob } from "../api/queries.ts";
import { partsText } from "../film/parts.ts";
import { timeLeft } from "../text/durations.ts";
import { cancelText, stageText, waitingText } from "../text/job_states.ts";
import { dollars } from "../text/money.ts";
import { requestErrorText } from "../text/request_errors.ts";
import { Button } from "../ui/Button.tsx";
import { Card } from "../ui/Card.tsx";
import { ConfirmDialog } from "../ui/Dialog.tsx";
import { Notice } from "../ui/Notice.tsx";
import { ProgressBar } from "../ui/ProgressBar.tsx";
import { ResultPart } from "./ResultPart.tsx";
import { useNow } from "./use_now.ts";
import "./JobProgress.css";

const FilmParts = lazy(() => import("../film/FilmParts.tsx").then((m) => ({ default: m.FilmParts })));

export function JobProgress({ job }: { job: Job }) {
  const cancel = useCancelJob();
  const [asks, setAsks] = useState(false);
  const nowMs = useNow();
  const isCancelling = job.state === "cancelling" || cancel.isPending;
  return (
    <Card className="job-progress">
      {isCancelling ? (
        <Stage words="Cancelling" percent={null} value="" details="The worker is being stopped." />
      ) : job.state === "running" ? (
        <RunningStage progress={job.progress} />
      ) : (
        <Stage
          words={job.state === "submitting" ? "Sending the job to a worker" : "Waiting for a free worker"}
          percent={null}
          value=""
          details={waitingText(Math.max(0, nowMs - job.created_at) / 1000, job.quote.cold_start_s)}
        />
      )}
      {job.film !== null && job.film.segments > 0 && <p className="numbers">{partsText(job.film)}</p>}
      <p className="small muted numbers">
        Expected to cost about {dollars(job.quote.expected)}. {dollars(job.hold, "up")} is held, and what is
        not used is released. You can close this page: the job continues.
      </p>
      {cancel.error !== null && (
        <Notice kind="bad" title="The job was not cancelled.">
          {requestErrorText(cancel.error)}
        </Notice>
      )}
      {job.film !== null && job.film.pieces.length > 0 && (
        <ResultPart name="The finished parts">
          <Suspense fallback={null}>
            <FilmParts film={job.film} />
          </Suspense>
        </ResultPart>
      )}
      <Button disabled={isCancelling} onClick={() => setAsks(true)}>
        Cancel the job
      </Button>
      {asks && (
        <ConfirmDialog
          title="Cancel this job?"
          confirm="Cancel the job"
          keep="Keep it running"
          onClose={() => setAsks(false)}
          onConfirm={() => {
            setAsks(false);
            cancel.mutate(job.id);
          }}
        >
          {cancelText(job, nowMs)}
        </ConfirmDialog>
      )}
    </Card>
  );
}

function RunningStage({ progress }: { progress: Progress | null }) {
  if (progress === null) {
    return <Stage words="Starting" percent={null} value="" details="The worker has started." />;
  }
  const { stage, percent, eta_s, frames, total, fps } = progress;
  const details = [
    frames !== null && frames > 0 && (total === null ? `${frames} frames` : `${frames} of ${total} frames`),
    fps !== null && fps > 0 && `${fps < 10 ? fps.toFixed(1) : Math.round(fps)} frames per second`,
    eta_s !== null && timeLeft(eta_s),
  ].filter((part) => part !== false);
  return (
    <Stage
      words={stageText(stage)}
      percent={percent}
      value={percent === null ? "" : `${Math.floor(percent)} %`}
      details={details.join(", ")}
    />
  );
}

interface StageProps {
  words: string;
  percent: number | null;
  value: string;
  details: string;
}

function Stage({ words, percent, value, details }: StageProps) {
  return (
    <>
      <ProgressBar label={words} percent={percent} value={value} />
      <p className="numbers job-details">{details || "\u00a0"}</p>
    </>
  );
}
