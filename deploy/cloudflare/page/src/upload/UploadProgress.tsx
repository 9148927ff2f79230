/** Shows how far an upload is, with buttons to pause, resume and delete it. */

import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import type { Upload } from "../api/client.ts";
import { useDeleteUpload, useUpload } from "../api/queries.ts";
import { goTo, links } from "../state/route.ts";
import { type Transfer, type TransferPhase, useTransfer } from "../state/transfers.ts";
import { timeLeft } from "../text/durations.ts";
import { requestErrorText } from "../text/request_errors.ts";
import { sizeText } from "../text/sizes.ts";
import { Button } from "../ui/Button.tsx";
import { Card } from "../ui/Card.tsx";
import { ConfirmDialog } from "../ui/Dialog.tsx";
import { Icon } from "../ui/Icon.tsx";
import { Notice } from "../ui/Notice.tsx";
import { ProgressBar } from "../ui/ProgressBar.tsx";
import { FilePicker } from "./FilePicker.tsx";
import { isBeingSent } from "./file_transfer.ts";
import { arrivedBytes } from "./part_plan.ts";
import { completeIfArrived, continueUpload } from "./start_upload.ts";
import { dropTransfer, pauseTransfer, startTransfer } from "./transfer_queue.ts";
import "./UploadProgress.css";

/** How often another tab's upload is looked at, in milliseconds. */
const OTHER_TAB_MS = 2000;

export function UploadProgress({ upload }: { upload: Upload }) {
  const transfer = useTransfer(upload.id);
  const isComplete = upload.state === "complete" || transfer?.phase === "complete";
  return (
    <Card className="upload-progress">
      {isComplete ? (
        <Arrived upload={upload} />
      ) : transfer !== undefined ? (
        <Sending upload={upload} transfer={transfer} />
      ) : (
        <Unfinished upload={upload} />
      )}
    </Card>
  );
}

function Arrived({ upload }: { upload: Upload }) {
  return (
    <>
      <Head title="Uploaded" />
      <ProgressBar label="Upload" percent={100} look="still" />
      <p className="upload-words small numbers">{sizeText(upload.bytes)}. The upload is complete.</p>
    </>
  );
}

/** An upload that this tab sends. */
function Sending({ upload, transfer }: { upload: Upload; transfer: Transfer }) {
  const { phase } = transfer;
  const isStopped = phase === "paused" || phase === "failed";
  return (
    <>
      <Head title={PHASES[phase]}>
        {isStopped ? (
          <Button onClick={() => startTransfer(upload.id)}>
            <Icon name="play" /> {phase === "failed" ? "Try again" : "Resume"}
          </Button>
        ) : (
          <Button disabled={phase === "completing"} onClick={() => pauseTransfer(upload.id)}>
            <Icon name="pause" /> Pause
          </Button>
        )}
        <DeleteButton upload={upload} />
      </Head>
      <TransferBar transfer={transfer} />
      {phase === "failed" && <Notice kind="bad">{transfer.problem}</Notice>}
    </>
  );
}

const PHASES: Record<TransferPhase, string> = {
  queued: "Waiting for its turn",
  sending: "Uploading",
  waiting: "Waiting",
  paused: "Paused",
  completing: "Checking the file",
  complete: "Uploaded",
  failed: "The upload has stopped",
};

/** The bar and the words of an upload that this tab sends. */
export function TransferBar({ transfer }: { transfer: Transfer }) {
  const { phase, sentBytes, totalBytes, bytesPerS, secondsLeft } = transfer;
  const percent = percentOf(sentBytes, totalBytes);
  return (
    <>
      <ProgressBar
        label="Upload"
        percent={percent}
        look={phase === "sending" || phase === "completing" ? "moving" : "still"}
      />
      <p className="upload-words small numbers">
        <span>
          {percent} %, {sizeText(sentBytes)} of {sizeText(totalBytes)}
          {bytesPerS !== null && `, ${sizeText(bytesPerS)} per second`}
          {secondsLeft !== null && `, ${timeLeft(secondsLeft)}`}
        </span>
        <span role="status">{phaseText(transfer)}</span>
      </p>
    </>
  );
}

function phaseText({ phase, problem }: Transfer): string {
  switch (phase) {
    case "queued":
      return "It will be sent after the video before it.";
    case "waiting":
      return problem ?? "";
    case "paused":
      return "What has arrived is kept.";
    default:
      return "";
  }
}

/** An upload that this tab does not send: another tab does, or its file has to be chosen again. */
function Unfinished({ upload }: { upload: Upload }) {
  const isElsewhere = useIsBeingSent(upload.id);
  const { data = upload } = useUpload(upload.id, isElsewhere ? OTHER_TAB_MS : false);
  const [problem, setProblem] = useState<string | null>(null);
  const arrived = arrivedBytes(data);
  const percent = percentOf(arrived, upload.bytes);
  useFinish(data);
  return (
    <>
      <Head title={isElsewhere ? "Another tab is sending this video" : "Unfinished"}>
        <DeleteButton upload={upload} disabled={isElsewhere} />
      </Head>
      <ProgressBar label="Upload" percent={percent} look={isElsewhere ? "moving" : "still"} />
      {isElsewhere ? (
        <p className="upload-words small numbers">
          {percent} %, {sizeText(arrived)} of {sizeText(upload.bytes)}
        </p>
      ) : (
        <FilePicker
          button="Choose the file"
          kind="primary"
          onFiles={([file]) => file && setProblem(continueUpload(data, file))}
        >
          {(button) => (
            <div className="row upload-again">
              <p>
                {arrived > 0
                  ? `${percent} % has arrived: choose the same file to continue.`
                  : "Nothing has arrived yet: choose the file again to send it."}
              </p>
              {button}
            </div>
          )}
        </FilePicker>
      )}
      {problem !== null && !isElsewhere && <Notice kind="bad">{problem}</Notice>}
    </>
  );
}

/** The state in words, and the buttons. */
function Head({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="upload-head">
      <Icon name="upload" />
      <strong role="status">{title}</strong>
      <div className="row">{children}</div>
    </div>
  );
}

function DeleteButton({ upload, disabled = false }: { upload: Upload; disabled?: boolean }) {
  const [asks, setAsks] = useState(false);
  return (
    <>
      <Button kind="quiet" disabled={disabled} onClick={() => setAsks(true)}>
        <Icon name="trash" /> Delete
      </Button>
      {asks && (
        <DeleteDialog upload={upload} onClose={() => setAsks(false)} onDeleted={() => goTo(links.start)} />
      )}
    </>
  );
}

interface DeleteDialogProps {
  upload: Upload;
  onClose: () => void;
  onDeleted?: () => void;
}

/** Asks before an upload is deleted. */
export function DeleteDialog({ upload, onClose, onDeleted }: DeleteDialogProps) {
  const remove = useDeleteUpload();
  const confirm = () => {
    pauseTransfer(upload.id);
    remove.mutate(upload.id, {
      onSuccess: () => {
        dropTransfer(upload.id);
        onClose();
        onDeleted?.();
      },
    });
  };
  return (
    <ConfirmDialog
      title="Delete this video?"
      confirm="Delete"
      keep="Keep it"
      isPending={remove.isPending}
      onConfirm={confirm}
      onClose={onClose}
    >
      <p className="from-outside">
        “{upload.name}” {upload.state === "open" ? "and what has arrived of it " : ""}will be deleted from
        Framewright. The file on your computer stays.
      </p>
      {remove.error !== null && <Notice kind="bad">{requestErrorText(remove.error)}</Notice>}
    </ConfirmDialog>
  );
}

/** Completes an upload whose bytes may all be there, because its tab was closed just before: no file is needed then. */
function useFinish(upload: Upload): void {
  useQuery({
    queryKey: ["finish", upload.id],
    queryFn: () => completeIfArrived(upload.id),
    // Of an upload in one request, nobody knows whether it has arrived before it is tried.
    enabled: upload.method === "put" || arrivedBytes(upload) === upload.bytes,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** Returns whether another tab sends an upload; what the API says about it is asked for again when that ends. */
function useIsBeingSent(uploadId: string): boolean {
  const { refetch } = useUpload(uploadId);
  const { data: isElsewhere = false } = useQuery({
    queryKey: ["being sent", uploadId],
    queryFn: () => isBeingSent(uploadId),
    refetchInterval: OTHER_TAB_MS,
    networkMode: "always",
  });
  const [wasElsewhere, setWasElsewhere] = useState(isElsewhere);
  useEffect(() => {
    if (wasElsewhere && !isElsewhere) void refetch();
    setWasElsewhere(isElsewhere);
  }, [wasElsewhere, isElsewhere, refetch]);
  return isElsewhere;
}

/** Returns a whole percentage; 100 only for all bytes. */
function percentOf(bytes: number, total: number): number {
  return total > 0 ? Math.floor((bytes * 100) / total) : 0;
}
