/** Describes an order as the worker needs it, and says of what type its output is. */

import type { JobRow } from "./jobs.ts";

/** The part of an order that the worker needs. */
export interface OrderedJob {
  task: JobRow["task"];
  params: object;
  upload: { object_key: string };
}

/** The content types that the worker sends with its outputs, by their suffix (docs/storage.md). */
export const OUTPUT_TYPES = {
  mp4: "video/mp4",
  mov: "video/quicktime",
  mkv: "video/x-matroska",
  webm: "video/webm",
  gif: "image/gif",
  json: "application/json",
};

/** Returns the suffix of the output: JSON for tracks, the format of an export, and of an upscale that of its source. */
export function suffixOf(order: OrderedJob): keyof typeof OUTPUT_TYPES {
  if (order.task === "track") return "json";
  const { format } = order.params as { format?: keyof typeof OUTPUT_TYPES | null };
  if (order.task === "export") return format ?? "mp4";
  const source = order.upload.object_key.slice(order.upload.object_key.lastIndexOf(".") + 1);
  return source === "mov" || source === "mkv" || source === "webm" ? source : "mp4";
}
