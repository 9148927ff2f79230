/** Decides by its name and size whether a file can be uploaded, and as which media type. */

import { EXTENSIONS } from "../../../api/media_types.ts";
import { MAX_UPLOAD_BYTES } from "../../../api/upload_parts.ts";
import { sizeText } from "../text/sizes.ts";

type VideoType = Exclude<keyof typeof EXTENSIONS, "application/json">;

/** The largest video, in words. */
export const LIMIT_TEXT = `${MAX_UPLOAD_BYTES / 2 ** 30} GiB (${sizeText(MAX_UPLOAD_BYTES)})`;

/** Other extensions of the same types. */
const ALIASES: Record<string, VideoType> = {
  m2t: "video/mp2t",
  m2ts: "video/mp2t",
  mts: "video/mp2t",
  m2v: "video/mpeg",
  mpe: "video/mpeg",
  mpeg: "video/mpeg",
  qt: "video/quicktime",
};

/** The media type of a file by the extension of its name. Browsers do not know that of mkv, mxf and others. */
const TYPES = new Map<string, VideoType>([
  ...Object.entries(EXTENSIONS)
    .filter((entry): entry is [VideoType, (typeof EXTENSIONS)[VideoType]] => entry[0] !== "application/json")
    .map(([type, extension]): [string, VideoType] => [extension, type]),
  ...Object.entries(ALIASES),
]);

/** What the browser's dialog offers: the attribute `accept` of a file input. */
export const ACCEPTED = ["video/*", ...[...TYPES.keys()].map((extension) => `.${extension}`)].join(",");

/** Returns the media type under which a file is uploaded; null if it is no video that the worker reads. */
export function videoType(name: string): VideoType | null {
  const extension = /\.([a-z0-9]+)$/i.exec(name.trim())?.[1]?.toLowerCase() ?? "";
  return TYPES.get(extension) ?? null;
}

/** Returns why a file cannot be uploaded, in words for its owner; null if it can be. */
export function refusalOf({ name, size }: { name: string; size: number }): string | null {
  if (videoType(name) === null) {
    return `“${name}” is not a video that Framewright reads. Choose an MP4, MOV, MKV, WebM, AVI, MXF or a similar file.`;
  }
  if (size === 0) return `“${name}” is empty.`;
  if (size > MAX_UPLOAD_BYTES) {
    return `“${name}” is ${sizeText(size)}; a video may be at most ${LIMIT_TEXT}. Cut it into parts first.`;
  }
  return null;
}
