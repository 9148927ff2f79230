/** Fields for the start and the end of a part, in seconds, for a video whose frames are not known here. */

import { NumberField } from "../order/NumberField.tsx";
import type { ExportOrder } from "./export_order.ts";

/** The longest video, in seconds: a day. */
const MOST_S = 86_400;

export function TimeFields({ order }: { order: ExportOrder }) {
  const { start = null, end = null } = order.params;
  return (
    <div className="fields">
      <NumberField
        param="start"
        label="Start"
        hint="In seconds from the start of the video. Empty means the first frame."
        min={0}
        max={MOST_S}
        step={0.1}
        value={start}
        onChange={(value) => order.change({ start: value })}
      />
      <NumberField
        param="end"
        label="End"
        hint="In seconds from the start of the video. Empty means the last frame."
        min={0}
        max={MOST_S}
        step={0.1}
        value={end}
        onChange={(value) => order.change({ end: value })}
      />
    </div>
  );
}
