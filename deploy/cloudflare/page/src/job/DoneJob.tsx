/** Shows the result of a job: the pictures, the download, the figures, and what it has cost. */

import { lazy, Suspense } from "react";
import type { Job } from "../api/client.ts";
import { type Part, partOfPreview } from "../film/parts.ts";
import { WholeFilm } from "../film/WholeFilm.tsx";
import { UnreachablePictures } from "../media/UnreachablePictures.tsx";
import { Card } from "../ui/Card.tsx";
import { Skeleton } from "../ui/Skeleton.tsx";
import { timecode } from "../video/timecode.ts";
import { Bill } from "./Bill.tsx";
import { DownloadButton } from "./DownloadButton.tsx";
import { Figures } from "./Figures.tsx";
import { JobActions } from "./JobActions.tsx";
import { ResultPart } from "./ResultPart.tsx";
import { Settings } from "./Settings.tsx";
import "./DoneJob.css";
import "./JobColumns.css";

const BeforeAfter = lazy(() =>
  import("../compare/BeforeAfter.tsx").then((m) => ({ default: m.BeforeAfter })),
);
const TrackResult = lazy(() => import("../tracks/TrackResult.tsx").then((m) => ({ default: m.TrackResult })));
const ExportView = lazy(() => import("../crop/ExportView.tsx").then((m) => ({ default: m.ExportView })));

const VIEWS = { upscale: BeforeAfter, track: TrackResult, export: ExportView };

export function DoneJob({ job }: { job: Job }) {
  const part = partOfPreview(job);
  return part === null ? <DoneWhole job={job} /> : <DonePreview job={job} part={part} />;
}

/** Shows the preview of a film as the result that it is a part of, and offers the whole. */
function DonePreview({ job, part }: { job: Job; part: Part }) {
  const View = VIEWS[job.task];
  return (
    <>
      <div className="row job-buttons">
        <DownloadButton job={job} />
        <JobActions job={job} />
      </div>
      <p className="numbers">
        This preview is the hardest part of the video, from {timecode(part.start_sec)} to{" "}
        {timecode(part.end_sec)}, without sound.
      </p>
      <Suspense fallback={<Skeleton height="80vh" label="Loading the preview" />}>
        <div className="job-view">
          <UnreachablePictures />
          <ResultPart name="The preview">
            <View job={job} />
          </ResultPart>
        </div>
      </Suspense>
      <div className="job-columns">
        <WholeFilm preview={job} />
        <Card title="Price">
          <Bill job={job} />
        </Card>
        <Settings job={job} />
      </div>
    </>
  );
}

function DoneWhole({ job }: { job: Job }) {
  const View = VIEWS[job.task];
  const notes = notesOf(job);
  return (
    <>
      <div className="row job-buttons">
        <DownloadButton job={job} />
        <JobActions job={job} />
      </div>
      <Suspense fallback={<Skeleton height="80vh" label="Loading the result" />}>
        <div className="job-view">
          <UnreachablePictures />
          <ResultPart name="The pictures">
            <View job={job} />
          </ResultPart>
        </div>
        <div className="job-columns">
          <Card title="Result">
            <ResultPart name="The figures">
              <Figures job={job} />
            </ResultPart>
          </Card>
          <Card title="Price">
            <Bill job={job} />
          </Card>
          <Settings job={job} />
        </div>
      </Suspense>
      {notes.length > 0 && (
        <Card title="Notes">
          <ul className="from-outside">
            {notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </Card>
      )}
    </>
  );
}

/** Returns the notes of a result, each once. */
function notesOf(job: Job): string[] {
  const { notes } = (job.result ?? {}) as { notes?: unknown };
  if (!Array.isArray(notes)) return [];
  return [...new Set(notes.filter((note) => typeof note === "string"))];
}
