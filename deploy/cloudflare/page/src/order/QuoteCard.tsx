/** Shows what the job will cost and when it will be ready, where the figures come from, and what the wallet has. */

import type { ReactNode } from "react";
import type { Quote } from "../api/client.ts";
import { links } from "../state/route.ts";
import { roughly } from "../text/durations.ts";
import { gpuText } from "../text/gpu.ts";
import { dollars } from "../text/money.ts";
import { partsOfQuote, quoteText, shortageText, sourceText } from "../text/quote_text.ts";
import { Button } from "../ui/Button.tsx";
import { Card } from "../ui/Card.tsx";
import { Disclosure } from "../ui/Disclosure.tsx";
import { Notice } from "../ui/Notice.tsx";
import { Skeleton } from "../ui/Skeleton.tsx";
import { VisuallyHidden } from "../ui/VisuallyHidden.tsx";
import type { OrderQuote } from "./use_order_quote.ts";
import "./QuoteCard.css";

interface QuoteCardProps extends OrderQuote {
  title?: string;
  /** What the wallet has, in micro-dollars; undefined if that is not known yet. */
  balance: number | undefined;
  /** The button that starts the job. */
  children: ReactNode;
}

export function QuoteCard(props: QuoteCardProps) {
  const { title = "Price", quote, isAsking, problem, canAskAgain, renew, change } = props;
  const { balance, children } = props;
  const shortage = quote === undefined || balance === undefined ? null : shortageText(balance, quote.hold);
  return (
    <Card title={title} className="quote">
      {problem !== null ? (
        <Notice
          kind="bad"
          title="No price is available."
          actions={canAskAgain && <Button onClick={renew}>Ask again</Button>}
        >
          {problem}
        </Notice>
      ) : quote === undefined ? (
        <Skeleton height="24rem" label="Asking for the price" />
      ) : (
        <div className={isAsking ? "quote-terms asking" : "quote-terms"} aria-busy={isAsking}>
          <QuoteFigures quote={quote} />
          {change !== null && <Notice kind="warn">{change}</Notice>}
          {shortage !== null && !isAsking && (
            <Notice kind="warn" actions={<a href={links.wallet}>Show the wallet</a>}>
              {shortage}
            </Notice>
          )}
        </div>
      )}
      <VisuallyHidden>
        <span role="status">{quote === undefined || isAsking ? "" : quoteText(quote)}</span>
      </VisuallyHidden>
      <p className="small muted numbers quote-wallet">
        {balance === undefined ? "\u00a0" : `Your wallet has ${dollars(balance, "down")}.`}
      </p>
      {children}
    </Card>
  );
}

function QuoteFigures({ quote }: { quote: Quote }) {
  const reused = quote.film?.reused ?? 0;
  return (
    <>
      <p className="quote-price numbers">
        about <strong>{dollars(quote.expected)}</strong>
      </p>
      {reused > 0 && (
        <p className="small numbers">
          {dollars(reused)} less than {dollars(quote.expected + reused)}, because parts that are paid for are
          used again.
        </p>
      )}
      <dl className="quote-figures numbers">
        <dt>At most</dt>
        <dd>{dollars(quote.hold, "up")}</dd>
        <dt>Ready in</dt>
        <dd>about {roughly(quote.ready_in_s)}</dd>
        {quote.film !== null && (
          <>
            <dt>Made in</dt>
            <dd>{partsOfQuote(quote.film)}</dd>
          </>
        )}
        <dt>Runs on</dt>
        <dd>{gpuText(quote.gpu)}</dd>
        {quote.model !== null && (
          <>
            <dt>Model</dt>
            <dd>{quote.model}</dd>
          </>
        )}
      </dl>
      <p className="small muted">
        {quote.film === null
          ? "You pay for the time that the job runs."
          : "You pay for the frames of the video, however often a part has to be made."}{" "}
        The most that it can cost is held until it ends.
      </p>
      <p className="small muted">
        {sourceText(quote)}
        {!quote.is_speed_known &&
          " The speed of such a job is not known yet; the figure is a cautious guess."}
      </p>
      <Disclosure summary="Assumptions">
        <ul className="small quote-assumptions">
          {quote.assumptions.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      </Disclosure>
    </>
  );
}
