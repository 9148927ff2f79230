/** Says in a sentence how much a track job found, and what is not shown. */

import type { Job } from "../api/client.ts";
import { Notice } from "../ui/Notice.tsx";
import type { TrackDocument } from "./track_document.ts";

export function TrackSummary({ job, document }: { job: Job; document: TrackDocument }) {
  const unreported = unreportedTracks(job);
  const { tracks, frameOf, frames, leftOut } = document;
  return (
    <>
      <p className="muted numbers">
        {`${counted(tracks.length, "track")} with ${counted(frameOf.length, "box", "boxes")} in ` +
          `${counted(frames, "frame")}.`}
        {unreported > 0 &&
          ` ${counted(unreported, "more track")} ${unreported === 1 ? "is" : "are"} not reported: ` +
            `${asksForClasses(job) ? "of other classes, or " : ""}less sure than the job asked for.`}
      </p>
      {leftOut.boxes + leftOut.tracks > 0 && (
        <Notice kind="warn">
          {`${counted(leftOut.tracks, "track")} and ${counted(leftOut.boxes, "box", "boxes")} of the document are ` +
            "not shown, because they are not valid or there are too many."}
        </Notice>
      )}
    </>
  );
}

/** Returns how many tracks the job found, but did not report. */
export function unreportedTracks(job: Job): number {
  const stats = job.result?.stats as { unreported_tracks?: unknown } | undefined;
  return typeof stats?.unreported_tracks === "number" ? stats.unreported_tracks : 0;
}

/** Returns whether the job asked for some classes only. */
function asksForClasses(job: Job): boolean {
  const { classes } = job.params as { classes?: unknown };
  return Array.isArray(classes) && classes.length > 0;
}

/** Returns a number with its noun, such as "1 track" or "1,234 boxes". */
export function counted(count: number, one: string, more = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : more}`;
}
