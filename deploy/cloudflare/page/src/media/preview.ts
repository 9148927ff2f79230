/** Reads the pictures that a worker has made of a job's source and output. */

import type { Job } from "../api/client.ts";

/** A moment of a source as a picture, which the worker has made. */
export interface Still {
  /** Seconds from the start of the source. */
  timeS: number;
  /** The frame of the source, as a data: URL of a JPEG. */
  source: string;
  /** The frame of the output at that moment, or null. */
  output: string | null;
}

/** Only this may stand in a preview as a picture: the worker's documents come from outside. */
const JPEG_DATA = /^data:image\/jpeg;base64,[A-Za-z0-9+/=]+$/;

/** Returns the stills of a preview document, in order of time; those that are malformed are left out. */
export function stillsOf(document: unknown): Still[] {
  const stills = (document as { stills?: unknown } | null)?.stills;
  if (!Array.isArray(stills)) return [];
  return stills.flatMap((still) => stillOf(still) ?? []).sort((a, b) => a.timeS - b.timeS);
}

function stillOf(still: unknown): Still | null {
  if (still === null || typeof still !== "object") return null;
  const { time_sec: timeS, source, output } = still as Record<string, unknown>;
  if (typeof timeS !== "number" || !Number.isFinite(timeS) || !isJpeg(source)) return null;
  return { timeS, source, output: isJpeg(output) ? output : null };
}

function isJpeg(value: unknown): value is string {
  return typeof value === "string" && JPEG_DATA.test(value);
}

/** Returns the stills of a job; none if the worker has made none, or they are gone. */
export async function readStills(job: Job, signal: AbortSignal): Promise<Still[]> {
  if (job.links.preview === null) return [];
  const response = await fetch(job.links.preview, { signal });
  return response.ok ? stillsOf(await response.json()) : [];
}
