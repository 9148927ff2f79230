/** Shows the figures of a result: what came out, with which model, and how fast. */

import type { Job } from "../api/client.ts";
import type { components } from "../api/schema.d.ts";
import { exactly } from "../text/durations.ts";
import { Facts } from "./Facts.tsx";

type Schemas = components["schemas"];
type Stats = Partial<Schemas["UpscaleStats"] & Schemas["ExportStats"] & Schemas["TrackStats"]>;

export function Figures({ job }: { job: Job }) {
  const result = (job.result ?? {}) as { stats?: Stats; video?: Schemas["TrackedVideo"] };
  const { stats, video } = result;
  if (stats == null) return <p className="muted">The figures of this result are not known.</p>;
  const frames = stats.frames ?? video?.frames;
  const durationS = stats.duration_sec ?? video?.duration_sec;
  return (
    <Facts
      rows={[
        ["Tracks", stats.tracks],
        ["Boxes", stats.boxes],
        ["Picture", stats.width === undefined ? null : `${stats.width} × ${stats.height}`],
        ["Scale", job.task === "track" || stats.scale === undefined ? null : `${rounded(stats.scale)}×`],
        ["Length", durationS === undefined ? null : exactly(durationS)],
        ["Frames", frames],
        ["Shots", video?.cuts === undefined ? null : video.cuts.length + 1],
        ["Model", stats.model ?? (job.task === "export" ? "none" : null)],
        ["Encoder", stats.encoder],
        ["Run time", stats.wall_sec === undefined ? null : exactly(stats.wall_sec)],
        ["Speed", stats.fps === undefined ? null : `${rounded(stats.fps)} frames per second`],
        ["Unchanged", reusedText(stats.reused)],
      ]}
    />
  );
}

/** Returns the share of the pictures that did not have to be computed again; null if it is none. */
function reusedText(share: number | null | undefined): string | null {
  return share == null || share < 0.005 ? null : `${Math.round(share * 100)} % of the pictures`;
}

function rounded(value: number): string {
  return String(Math.round(value * 100) / 100);
}
