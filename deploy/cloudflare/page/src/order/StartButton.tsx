/** Starts the job of the quote that is shown: at once, or as soon as the upload is complete. */

import { useEffect, useState } from "react";
import { ApiFailure, type ListedJob, type TaskName, type Upload } from "../api/client.ts";
import { type QuoteOrder, useStartJob } from "../api/queries.ts";
import { goTo, links } from "../state/route.ts";
import { priceChangeText } from "../text/quote_text.ts";
import { requestErrorText } from "../text/request_errors.ts";
import { Button } from "../ui/Button.tsx";
import { Notice } from "../ui/Notice.tsx";
import { runningTwin } from "./running_twin.ts";
import type { OrderQuote } from "./use_order_quote.ts";

interface StartButtonProps {
  order: QuoteOrder;
  upload: Upload;
  quote: OrderQuote;
  /** Whether the wallet has enough for the quote. */
  canPay: boolean;
  /** What must be set up first, in words; null if the order is ready. */
  missing: string | null;
  /** The words of the button; by default they name the task. */
  words?: string;
  kind?: "primary" | "plain";
}

const WORDS: Record<TaskName, string> = {
  upscale: "Start upscaling",
  track: "Start tracking",
  export: "Start the export",
};

export function StartButton({
  order,
  upload,
  quote: { quote, isAsking, problem, renew },
  canPay,
  missing,
  words = WORDS[order.task],
  kind = "primary",
}: StartButtonProps) {
  const start = useStartJob();
  /** The price that was agreed to while the upload was not complete; the job starts when it is. */
  const [agreed, setAgreed] = useState<{ expected: number; hold: number } | null>(null);
  /** A job that does the same and has not ended; a second one starts only if the button is pressed again. */
  const [twin, setTwin] = useState<ListedJob | null>(null);
  const isComplete = upload.state === "complete";
  const canStart = quote !== undefined && !isAsking && problem === null && canPay && missing === null;
  const { mutate } = start;

  const press = async () => {
    if (quote === undefined) return;
    if (!isComplete) return setAgreed(quote);
    if (twin === null) {
      const found = await runningTwin(order).catch(() => undefined);
      if (found !== undefined) return setTwin(found);
    }
    mutate(quote, {
      onSuccess: (job) => goTo(links.job(job.id)),
      onError: (error) => {
        if (error instanceof ApiFailure && error.code.startsWith("quote_")) renew();
      },
    });
  };
  const isDearer = agreed !== null && quote !== undefined && quote.hold > agreed.hold;
  const startsNow = agreed !== null && isComplete && canStart && !isDearer && twin === null && start.isIdle;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `press` starts the quote of this moment.
  useEffect(() => {
    if (startsNow) void press();
  }, [startsNow]);

  const waits = agreed !== null && !isDearer && twin === null && start.isIdle;
  return (
    <div className="start">
      {start.error !== null && (
        <Notice kind="bad" title="The job was not started.">
          {requestErrorText(start.error)}
        </Notice>
      )}
      {twin !== null && (
        <Notice kind="warn" title="The same job has already been started.">
          <a href={links.job(twin.id)}>See how far it is</a>, or press the button again to start and pay for
          another one.
        </Notice>
      )}
      {missing !== null && <Notice kind="warn">{missing}</Notice>}
      {isDearer && (
        <Notice kind="warn">{priceChangeText(agreed, quote)} Press the button if you agree.</Notice>
      )}
      {waits ? (
        <>
          <Notice>The job starts automatically when the upload is complete. Keep this page open.</Notice>
          <Button onClick={() => setAgreed(null)}>Cancel the start</Button>
        </>
      ) : (
        <Button kind={kind} disabled={!canStart || start.isPending} onClick={() => void press()}>
          {start.isPending ? "Starting …" : isComplete ? words : `${words} after the upload`}
        </Button>
      )}
    </div>
  );
}
