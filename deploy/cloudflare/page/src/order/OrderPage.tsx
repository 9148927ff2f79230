/** Sets up a job for an upload: the task, its settings, the quote, and the button that starts it. */

import { lazy, Suspense, useState } from "react";
import type { TaskName, Upload } from "../api/client.ts";
import { useUpload, useWallet } from "../api/queries.ts";
import { useVideoFacts } from "../media/video_facts.ts";
import { type Order, useClientState, useOrder } from "../state/client_state.ts";
import { links } from "../state/route.ts";
import { requestErrorText } from "../text/request_errors.ts";
import { Button, ButtonLink } from "../ui/Button.tsx";
import { Card } from "../ui/Card.tsx";
import { Notice } from "../ui/Notice.tsx";
import { Skeleton } from "../ui/Skeleton.tsx";
import { ViewHeading } from "../ui/ViewHeading.tsx";
import { UploadProgress } from "../upload/UploadProgress.tsx";
import { quoteOrder } from "./order_request.ts";
import { PreviewOffer } from "./PreviewOffer.tsx";
import { QuoteCard } from "./QuoteCard.tsx";
import { RefusalContext } from "./refusal.ts";
import { StartButton } from "./StartButton.tsx";
import { TaskPicker } from "./TaskPicker.tsx";
import { TrackForm } from "./TrackForm.tsx";
import type { TaskFormProps } from "./task_form.ts";
import { UpscaleForm } from "./UpscaleForm.tsx";
import { useOrderQuote } from "./use_order_quote.ts";
import { VideoFactsLine } from "./VideoFactsLine.tsx";
import "./OrderPage.css";

const ExportForm = lazy(() =>
  import("../crop/ExportForm.tsx").then((module) => ({ default: module.ExportForm })),
);

export function OrderPage({ uploadId }: { uploadId: string }) {
  const upload = useUpload(uploadId);
  if (upload.data !== undefined) return <UploadOrder upload={upload.data} />;
  if (upload.error === null) {
    return (
      <>
        <ViewHeading title="New job" />
        <Skeleton height="24rem" label="Loading the video" />
      </>
    );
  }
  return (
    <>
      <ViewHeading title="New job" />
      <Notice
        kind="bad"
        title="The video cannot be shown."
        actions={
          <>
            <Button onClick={() => void upload.refetch()}>Try again</Button>
            <ButtonLink href={links.start}>Upload a video</ButtonLink>
          </>
        }
      >
        {requestErrorText(upload.error)}
      </Notice>
    </>
  );
}

function UploadOrder({ upload }: { upload: Upload }) {
  const order = useOrder(upload.id);
  const changeOrder = useClientState((state) => state.changeOrder);
  const wallet = useWallet();
  const { facts, isReading } = useVideoFacts(upload);
  const asked = quoteOrder(upload.id, order, facts);
  const quote = useOrderQuote(isReading ? null : asked);
  const { problem, refusedParam } = quote;
  const refusal = problem === null || refusedParam === null ? null : { param: refusedParam, reason: problem };
  const balance = wallet.data?.balance;
  const missing = facts === null ? null : missingIn(order);
  const isFilm = quote.quote?.film != null && asked.task !== "track";
  // Its progress stays until the page is left, so that nothing jumps when the upload is complete.
  const [wasOpen] = useState(upload.state === "open");
  return (
    <>
      <ViewHeading
        title={upload.name}
        lead={<VideoFactsLine upload={upload} facts={facts} isReading={isReading} />}
      />
      {wasOpen && <UploadProgress upload={upload} />}
      <TaskPicker task={order.task} onChange={(task) => changeOrder(upload.id, { task })} />
      <div className="order">
        <Card title="Settings" className="order-settings">
          <RefusalContext value={refusal}>
            <TaskForm key={order.task} task={order.task} uploadId={upload.id} facts={facts} />
          </RefusalContext>
        </Card>
        <div className="order-quote">
          <QuoteCard {...quote} balance={balance}>
            <StartButton
              order={asked}
              upload={upload}
              quote={quote}
              canPay={quote.quote !== undefined && (balance === undefined || balance >= quote.quote.hold)}
              missing={missing}
            />
            {isFilm && <PreviewOffer order={asked} upload={upload} balance={balance} missing={missing} />}
          </QuoteCard>
        </div>
      </div>
    </>
  );
}

/** Returns what must be set up before the job can start, in words; null if nothing is missing. */
function missingIn({ task, isChoosingSubject }: Order): string | null {
  return task === "export" && isChoosingSubject ? "Choose a person first." : null;
}

function TaskForm({ task, ...props }: TaskFormProps & { task: TaskName }) {
  switch (task) {
    case "upscale":
      return <UpscaleForm {...props} />;
    case "track":
      return <TrackForm {...props} />;
    case "export":
      return (
        <Suspense fallback={<Skeleton height="30rem" label="Loading the editor" />}>
          <ExportForm {...props} />
        </Suspense>
      );
  }
}
