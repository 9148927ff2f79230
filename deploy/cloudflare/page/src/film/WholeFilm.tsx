/** Offers to make the whole film of a preview, for the rest of its price. */

import type { Job, Upload } from "../api/client.ts";
import { useUpload, useWallet } from "../api/queries.ts";
import { useVideoFacts } from "../media/video_facts.ts";
import { sourceOf } from "../order/order_request.ts";
import { QuoteCard } from "../order/QuoteCard.tsx";
import { StartButton } from "../order/StartButton.tsx";
import { useOrderQuote } from "../order/use_order_quote.ts";

/** @param preview a preview that is done. */
export function WholeFilm({ preview }: { preview: Job }) {
  const upload = useUpload(preview.upload_id);
  if (upload.error !== null) {
    return <p className="muted">The video is no longer there. Upload it again to make the whole of it.</p>;
  }
  return upload.data === undefined ? null : <WholeOf preview={preview} upload={upload.data} />;
}

function WholeOf({ preview, upload }: { preview: Job; upload: Upload }) {
  const wallet = useWallet();
  const { facts, isReading } = useVideoFacts(upload);
  const source = facts === null ? undefined : sourceOf(facts);
  // The very params of the preview: with others its part would be another one.
  const order = {
    upload_id: upload.id,
    task: preview.task,
    params: preview.params,
    ...(source === undefined ? {} : { source }),
    followJobId: null,
    preview: false,
    afterJobId: preview.id,
  };
  const quote = useOrderQuote(isReading ? null : order);
  const balance = wallet.data?.balance;
  return (
    <QuoteCard {...quote} title="The whole video" balance={balance}>
      <StartButton
        order={order}
        upload={upload}
        quote={quote}
        canPay={quote.quote !== undefined && (balance === undefined || balance >= quote.quote.hold)}
        missing={null}
        words="Make the whole video"
      />
    </QuoteCard>
  );
}
