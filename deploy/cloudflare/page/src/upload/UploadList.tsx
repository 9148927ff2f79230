/** Lists the videos that are there, and the uploads that are unfinished. */

import { useState } from "react";
import type { Upload } from "../api/client.ts";
import { useUploads } from "../api/queries.ts";
import { links } from "../state/route.ts";
import { useTransfer } from "../state/transfers.ts";
import { requestErrorText } from "../text/request_errors.ts";
import { sizeText } from "../text/sizes.ts";
import { Button, ButtonLink } from "../ui/Button.tsx";
import { Card } from "../ui/Card.tsx";
import { Icon } from "../ui/Icon.tsx";
import { Notice } from "../ui/Notice.tsx";
import { Skeleton } from "../ui/Skeleton.tsx";
import { pauseTransfer, startTransfer } from "./transfer_queue.ts";
import { DeleteDialog, TransferBar } from "./UploadProgress.tsx";
import "./UploadList.css";

export function UploadList() {
  const { data, error, isPending, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useUploads();
  // Documents of tracks are uploads too, but no videos.
  const videos = data?.pages
    .flatMap(({ uploads }) => uploads)
    .filter(({ content_type }) => content_type !== "application/json");
  return (
    <Card title="Your videos" className="upload-list">
      {isPending && <Skeleton height="9rem" label="Loading your videos" />}
      {error !== null && videos === undefined && (
        <Notice
          kind="bad"
          title="Your videos cannot be listed."
          actions={<Button onClick={() => void refetch()}>Try again</Button>}
        >
          {requestErrorText(error)}
        </Notice>
      )}
      {videos?.length === 0 && (
        <p className="muted upload-list-empty">
          No videos yet. A video that you upload stays here for six days, for as many jobs as you like.
        </p>
      )}
      {videos !== undefined && videos.length > 0 && (
        <ul className="upload-rows">
          {videos.map((upload) => (
            <UploadRow key={upload.id} upload={upload} />
          ))}
        </ul>
      )}
      {hasNextPage && (
        <Button disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          Show older videos
        </Button>
      )}
    </Card>
  );
}

function UploadRow({ upload }: { upload: Upload }) {
  const transfer = useTransfer(upload.id);
  const [asks, setAsks] = useState(false);
  const isComplete = upload.state === "complete" || transfer?.phase === "complete";
  const isStopped = transfer?.phase === "paused" || transfer?.phase === "failed";
  const isUnderWay = transfer !== undefined && !isComplete;
  return (
    <li className="upload-row">
      <Icon name="film" />
      <div className="upload-row-text">
        <a className="from-outside" href={links.order(upload.id)}>
          {upload.name}
        </a>
        <span className="muted small numbers">
          {sizeText(upload.bytes)} · {!isComplete && !isUnderWay && <b>Unfinished · </b>}
          kept until{" "}
          <time dateTime={new Date(upload.kept_until).toISOString()}>{dayText(upload.kept_until)}</time>
        </span>
      </div>
      <div className="row upload-row-actions">
        {isUnderWay && (
          <Button
            kind="quiet"
            disabled={transfer.phase === "completing"}
            onClick={() => (isStopped ? startTransfer : pauseTransfer)(upload.id)}
          >
            <Icon name={isStopped ? "play" : "pause"} /> {isStopped ? "Resume" : "Pause"}
          </Button>
        )}
        <ButtonLink href={links.order(upload.id)}>
          {isComplete || isUnderWay ? "Set up a job" : "Continue"}
        </ButtonLink>
        <Button kind="quiet" square aria-label={`Delete ${upload.name}`} onClick={() => setAsks(true)}>
          <Icon name="trash" />
        </Button>
      </div>
      {isUnderWay && (
        <div className="upload-row-bar">
          <TransferBar transfer={transfer} />
        </div>
      )}
      {asks && <DeleteDialog upload={upload} onClose={() => setAsks(false)} />}
    </li>
  );
}

const DAY = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});

function dayText(ms: number): string {
  return DAY.format(ms);
}
