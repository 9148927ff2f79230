/** Offers a preview of a film: its hardest ten seconds, with what they cost. */

import type { Upload } from "../api/client.ts";
import type { QuoteOrder } from "../api/queries.ts";
import { dollars } from "../text/money.ts";
import { StartButton } from "./StartButton.tsx";
import { useOrderQuote } from "./use_order_quote.ts";

interface PreviewOfferProps {
  /** The order of the whole film. */
  order: QuoteOrder;
  upload: Upload;
  /** What the wallet has, in micro-dollars; undefined if that is not known yet. */
  balance: number | undefined;
  /** What must be set up first, in words; null if the order is ready. */
  missing: string | null;
}

export function PreviewOffer({ order, upload, balance, missing }: PreviewOfferProps) {
  const preview = { ...order, preview: true };
  const quote = useOrderQuote(preview);
  const terms = quote.quote;
  if (quote.problem !== null || terms === undefined) return null;
  return (
    <section className="preview-offer" aria-labelledby="preview-offer">
      <h3 id="preview-offer">See ten seconds first</h3>
      <p className="small numbers">
        A preview of the hardest part of the video, with these settings, costs{" "}
        <strong>about {dollars(terms.expected)}</strong>, at most {dollars(terms.hold, "up")}. The whole video
        uses this part again, and then costs that much less.
      </p>
      <StartButton
        order={preview}
        upload={upload}
        quote={quote}
        canPay={balance === undefined || balance >= terms.hold}
        missing={missing}
        words="Make a preview"
        kind="plain"
      />
    </section>
  );
}
