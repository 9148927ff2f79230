/** Shows which part of the source an export has taken, beside its output. */

import type { Job } from "../api/client.ts";
import { useUpload } from "../api/queries.ts";
import type { VideoFacts } from "../media/probe.ts";
import { useSourcePicture } from "../media/source_picture.ts";
import { useVideoFacts } from "../media/video_facts.ts";
import { Skeleton } from "../ui/Skeleton.tsx";
import type { VideoClock } from "../video/clock.ts";
import { PictureStage } from "../video/PictureStage.tsx";
import { ExportedOutput } from "./ExportedOutput.tsx";
import { type Exported, exportedOf } from "./exported.ts";
import { ShownCrop } from "./ShownCrop.tsx";
import { partOf } from "./trim.ts";
import "./ExportView.css";

export function ExportView({ job }: { job: Job }) {
  const upload = useUpload(job.upload_id);
  const { facts, isReading } = useVideoFacts(upload.data);
  const exported = exportedOf(job);
  const isGone = upload.error !== null;
  return (
    <section className="export-view" aria-label="Source and output">
      {facts !== null ? (
        <SourceAndOutput job={job} exported={exported} facts={facts} />
      ) : isReading && !isGone ? (
        <Skeleton height="26rem" label="Reading the source" />
      ) : (
        <>
          <p className="muted">
            {isGone
              ? "The source is no longer there, so only the output is shown."
              : "The source cannot be read here, so only the output is shown."}
          </p>
          <ExportedOutput job={job} exported={exported} clock={null} />
        </>
      )}
    </section>
  );
}

interface SourceAndOutputProps {
  job: Job;
  exported: Exported;
  facts: VideoFacts;
}

function SourceAndOutput({ job, exported, facts }: SourceAndOutputProps) {
  const source = useSourcePicture(job.upload_id);
  const { crop } = exported;
  return (
    <PictureStage
      picture={source}
      facts={facts}
      label="Source with the crop"
      overlay={(clock) => crop !== null && <ShownCrop crop={crop} picture={facts} clock={clock} />}
    >
      {(clock) => (
        <div className="export-view-output">
          <ExportedOutput job={job} exported={exported} clock={clock} />
          <p className="muted small" aria-live="polite">
            {isInPart(exported, clock)
              ? "The output at the same moment."
              : "The source is at a moment that is not in the output."}
          </p>
        </div>
      )}
    </PictureStage>
  );
}

/** Returns whether the frame that is shown has been exported. */
function isInPart({ start, end }: Exported, clock: VideoClock): boolean {
  const part = partOf(start, end, clock.times.startsS);
  return clock.frame >= part.first && clock.frame <= part.last;
}
