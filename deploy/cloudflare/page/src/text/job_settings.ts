/** Says in words what was set up for a job. */

import type { Job } from "../api/client.ts";
import { type SafeShares, safeText } from "../crop/caption_zone.ts";
import { atMoment, exactly } from "./durations.ts";
import { PARAM_NAMES } from "./param_names.ts";

/** Returns the settings of a job that differ from the worker's defaults, with the names that the forms give them. */
export function settingsOf(job: Pick<Job, "params">): [name: string, value: string][] {
  return Object.entries(job.params).flatMap(([param, value]) => {
    const text = valueText(param, value);
    const name = Object.hasOwn(PARAM_NAMES, param) ? (PARAM_NAMES[param] as string) : param;
    return text === null ? [] : [[name, text] as [string, string]];
  });
}

/** Returns a value in words; null if there is nothing to say about it. */
function valueText(param: string, value: unknown): string | null {
  if (value === null || value === undefined || value === "" || param === "tracks") return null;
  switch (param) {
    case "crop":
      return cropText(value);
    case "follow":
      return followText(value as Followed);
    case "scale":
      return `${value}×`;
    case "start":
    case "end":
      return `at ${atMoment(Number(value))}`;
    case "fill_gaps_sec":
      return exactly(Number(value));
    case "size":
      return typeof value === "string" ? value.replace("x", " × ") : boxText(value as Box);
    default:
      if (typeof value === "boolean") return value ? "yes" : null;
      if (Array.isArray(value)) return value.join(", ");
      return typeof value === "object" ? null : String(value);
  }
}

interface Box {
  x?: number;
  y?: number;
  w: number;
  h: number;
}

function boxText({ x, y, w, h }: Box): string {
  const size = `${Math.round(w)} × ${Math.round(h)}`;
  return x === undefined || y === undefined ? size : `${size} at ${Math.round(x)}, ${Math.round(y)}`;
}

function cropText(crop: unknown): string {
  return Array.isArray(crop) ? `a path with ${crop.length} keyframes` : boxText(crop as Box);
}

type Followed = {
  track: number | "main";
  class_name?: string | null;
  aspect?: string | null;
  zoom?: number | null;
  safe?: SafeShares | null;
};

function followText({ track, class_name, aspect, zoom, safe }: Followed): string {
  const covered = safeText(safe);
  return [
    track === "main" ? `the main ${class_name ?? "subject"}` : `track ${track}`,
    aspect ?? [],
    zoom == null ? [] : `zoom ${zoom}×`,
    covered === null ? [] : `captions cover ${covered}`,
  ]
    .flat()
    .join(", ");
}
