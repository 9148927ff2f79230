/** Shows the result of a job: the pictures, the download, the figures, and what it has cost. */

import { lazy, Suspense } from "react";
import type { Job } from "../api/client.ts";
import { UnreachablePictures } from "../media/UnreachablePictures.tsx";
import { Card } from "../ui/Card.tsx";
import { Skeleton } from "../ui/Skeleton.tsx";
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

const FilmParts = lazy(() => import("../film/FilmParts.tsx").then((m) => ({ default: m.FilmParts })));

const VIEWS = { upscale: BeforeAfter, track: TrackResult, export: ExportView };

export function DoneJob({ job }: { job: Job }) {
  if (job.film !== null && job.quote.film?.is_preview) return <DonePreview job={job} film={job.film} />;
  return <DoneWhole job={job} />;
}

/** Shows the preview of a film: its hardest part, and what it has cost. */
function DonePreview({ job, film }: { job: Job; film: NonNullable<Job["film"]> }) {
  return (
    <>
      <div className="row job-buttons">
        <JobActions job={job} />
      </div>
      <Suspense fallback={<Skeleton height="60vh" label="Loading the preview" />}>
        <Card title="The hardest part">
          <ResultPart name="The preview">
            <FilmParts film={film} />
          </ResultPart>
          <p className="small muted">
            The whole video with the same settings uses this part, and does not pay for it again.
          </p>
        </Card>
      </Suspense>
      <div className="job-columns">
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
