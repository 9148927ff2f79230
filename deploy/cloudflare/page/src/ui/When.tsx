/** Shows a date and time: "today 14:05", "yesterday 9:30", "12 Nov 18:00". */

import { whenText } from "./when_text.ts";

/** @param ms milliseconds since 1970. */
export function When({ ms }: { ms: number }) {
  const moment = new Date(ms);
  return (
    <time
      dateTime={moment.toISOString()}
      title={moment.toLocaleString("en-GB", { dateStyle: "full", timeStyle: "long" })}
    >
      {whenText(ms, Date.now())}
    </time>
  );
}
