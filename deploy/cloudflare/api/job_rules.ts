/**
 * Checks what JSON Schema cannot state of the params of a job: values that must fit each other.
 *
 * The worker has the same rules; tests/cloud compares them.
 */

import { outputSize } from "./export_part.ts";
import type { ExportParams, Keyframe } from "./generated/job_validator.js";
import defaults from "./generated/worker_defaults.json" with { type: "json" };
import { brokenTrackRule } from "./track_rules.ts";

/** The smallest step between keyframes, as `SHORTEST_STEP_S` in orchestrator/jobs/export.py. */
const SHORTEST_STEP_S = 0.9e-6;

const ADDRESS = /^https:\/\/([a-z0-9._-]+)(?::([0-9]+))?(?:[/?#]|$)/i;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** Resolvers take a host whose last label is a number for an IPv4 address. */
const NUMBER = /^(?:[0-9]+|0x[0-9a-f]*)$/;

/**
 * Returns which rule between the params of an export is broken, as a sentence that names the field, or null.
 *
 * @param params params that have the form of the JSON Schema.
 * @param isOwnObject whether a URL points into the bucket of the API; `tracks` may be such a URL whatever its host is.
 */
export function brokenExportRule(params: ExportParams, isOwnObject: (url: string) => boolean): string | null {
  const { start, end, crop, tracks } = params;
  if (start != null && end != null && end <= start) {
    return `params.end is ${end} s, not after params.start, ${start} s: choose a later end`;
  }
  if (Array.isArray(crop)) {
    const broken = brokenTimes(crop);
    if (broken !== null) return broken;
  }
  const { width, height } = outputSize(params.size) ?? { width: 0, height: 0 };
  if (width * height > defaults.max_output_px) {
    return `params.size is refused: the output would be ${width}x${height}, and at most ${defaults.max_output_px} pixels are made`;
  }
  if (typeof tracks === "string") {
    return isOwnObject(tracks) || isPublicAddress(tracks)
      ? null
      : "params.tracks is refused: give an https address with the name of a host, or the document itself";
  }
  return tracks == null ? null : brokenTrackRule(tracks);
}

function brokenTimes(keyframes: Keyframe[]): string | null {
  for (const [number, { t }] of keyframes.entries()) {
    const before = keyframes[number - 1];
    if (before !== undefined && t - before.t < SHORTEST_STEP_S) {
      return `params.crop.${number}.t is ${t}, after ${before.t}: give times that rise`;
    }
  }
  return null;
}

/** Returns whether an address is https with a host name: the worker fetches nothing else by default. */
function isPublicAddress(address: string): boolean {
  const [, host = "", port = "443"] = ADDRESS.exec(address) ?? [];
  const labels = host.toLowerCase().split(".");
  const isNumber = NUMBER.test(labels.at(-1) ?? "");
  const isPort = Number(port) >= 1 && Number(port) <= 65535;
  return !isNumber && isPort && host.length <= 253 && labels.every((label) => LABEL.test(label));
}
