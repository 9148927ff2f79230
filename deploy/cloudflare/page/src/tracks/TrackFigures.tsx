/** Shows the figures of a track job, and what its notes say. */

import type { Job } from "../api/client.ts";
import { Notice } from "../ui/Notice.tsx";
import type { TrackDocument } from "./track_document.ts";
import "./TrackFigures.css";

export function TrackFigures({ job, document }: { job: Job; document: TrackDocument }) {
  const unreported = (job.result?.stats as { unreported_tracks?: unknown } | undefined)?.unreported_tracks;
  const { leftOut } = document;
  return (
    <>
      <dl className="track-figures">
        <Figure name={document.tracks.length === 1 ? "track" : "tracks"} value={document.tracks.length} />
        <Figure name="boxes" value={document.frameOf.length} />
        <Figure name="frames" value={document.frames} />
        <Figure name={document.cuts.length === 0 ? "shot" : "shots"} value={document.cuts.length + 1} />
        {typeof unreported === "number" && <Figure name="not reported" value={unreported} />}
      </dl>
      {typeof unreported === "number" && unreported > 0 && (
        <p className="muted small">
          Tracks are not reported if they are of other classes, or less sure than the job asked for.
        </p>
      )}
      {leftOut.boxes + leftOut.tracks > 0 && (
        <Notice kind="warn">
          {`${leftOut.tracks.toLocaleString("en")} tracks and ${leftOut.boxes.toLocaleString("en")} boxes of the ` +
            "document are not shown, because they are not valid or there are too many."}
        </Notice>
      )}
    </>
  );
}

function Figure({ name, value }: { name: string; value: number }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="numbers">{value.toLocaleString("en")}</dd>
    </div>
  );
}
