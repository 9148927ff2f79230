/** Shows which part of the source an export has taken, beside its output, and how alike they are. */

import { type Ref, useEffect, useImperativeHandle, useRef } from "react";
import type { Job } from "../api/client.ts";
import { useUpload } from "../api/queries.ts";
import type { Seekable } from "../compare/Comparison.tsx";
import { FidelityPicture, fidelityOf } from "../fidelity/FidelityPicture.tsx";
import { partOfPreview } from "../film/parts.ts";
import type { VideoFacts } from "../media/probe.ts";
import { useSourcePicture } from "../media/source_picture.ts";
import { useVideoFacts } from "../media/video_facts.ts";
import { Card } from "../ui/Card.tsx";
import { Skeleton } from "../ui/Skeleton.tsx";
import type { VideoClock } from "../video/clock.ts";
import { PictureStage } from "../video/PictureStage.tsx";
import { ExportedOutput } from "./ExportedOutput.tsx";
import { type Exported, exportedOf } from "./exported.ts";
import { FollowedStretches } from "./FollowedStretches.tsx";
import { stretchesOf } from "./followed_stretches.ts";
import { ShownCrop } from "./ShownCrop.tsx";
import { partOf } from "./trim.ts";
import "./ExportView.css";

export function ExportView({ job }: { job: Job }) {
  const upload = useUpload(job.upload_id);
  const { facts, isReading } = useVideoFacts(upload.data);
  const exported = exportedOf(job);
  const isGone = upload.error !== null;
  const player = useRef<Seekable>(null);
  const report = fidelityOf(job);
  const stretches = stretchesOf(job);
  return (
    <>
      <section className="export-view" aria-label="Source and output">
        {facts !== null ? (
          <SourceAndOutput job={job} exported={exported} facts={facts} ref={player} />
        ) : isReading && !isGone ? (
          <Skeleton height="26rem" label="Reading the source" />
        ) : (
          <>
            <p className="muted">
              {isGone
                ? "The source is no longer there, so only the output is shown."
                : "The source cannot be read here, so only the output is shown."}
            </p>
            <ExportedOutput job={job} exported={exported} clock={null} ref={player} />
          </>
        )}
      </section>
      {stretches.length > 0 && (
        <Card title="Whom the crop followed">
          <FollowedStretches
            stretches={stretches}
            onSeek={(timeS) => player.current?.seek(timeS - (exported.start ?? 0))}
          />
        </Card>
      )}
      {report !== null && <FidelityPicture report={report} onSeek={(timeS) => player.current?.seek(timeS)} />}
    </>
  );
}

interface SourceAndOutputProps {
  job: Job;
  exported: Exported;
  facts: VideoFacts;
  ref: Ref<Seekable>;
}

function SourceAndOutput({ job, exported, facts, ref }: SourceAndOutputProps) {
  const source = useSourcePicture(job.upload_id);
  const { crop } = exported;
  return (
    <PictureStage
      picture={source}
      facts={facts}
      label="Source with the crop"
      overlay={(clock) => crop !== null && <ShownCrop crop={crop} picture={facts} clock={clock} />}
    >
      {(clock) => <OutputBeside job={job} exported={exported} clock={clock} ref={ref} />}
    </PictureStage>
  );
}

interface OutputBesideProps {
  job: Job;
  exported: Exported;
  /** The clock of the source. */
  clock: VideoClock;
  ref: Ref<Seekable>;
}

function OutputBeside({ job, exported, clock, ref }: OutputBesideProps) {
  const place = useRef<HTMLDivElement>(null);
  const { first } = partOf(exported.start, exported.end, clock.times.startsS);
  const isPreview = partOfPreview(job) !== null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the part of a preview is sought once.
  useEffect(() => {
    if (isPreview && clock.ready) clock.seek(clock.times.timeOf(first));
  }, [isPreview, clock.ready]);
  useImperativeHandle(ref, () => ({
    seek: (timeS) => {
      clock.pause();
      clock.seek(clock.times.timeOf(first) + timeS);
      place.current?.scrollIntoView({ block: "nearest" });
    },
  }));
  return (
    <div className="export-view-output" ref={place}>
      <ExportedOutput job={job} exported={exported} clock={clock} />
      <p className="muted small" aria-live="polite">
        {isInPart(exported, clock)
          ? "The output at the same moment."
          : "The source is at a moment that is not in the output."}
      </p>
    </div>
  );
}

/** Returns whether the frame that is shown has been exported. */
function isInPart({ start, end }: Exported, clock: VideoClock): boolean {
  const part = partOf(start, end, clock.times.startsS);
  return clock.frame >= part.first && clock.frame <= part.last;
}
