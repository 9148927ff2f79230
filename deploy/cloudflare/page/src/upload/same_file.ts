/** Decides whether a file is the one whose upload is to be continued. */

import { safeFileName } from "../../../api/content_disposition.ts";
import type { ChosenFile } from "../state/chosen_files.ts";
import { sizeText } from "../text/sizes.ts";

/**
 * Returns why an upload cannot be continued with a file, in words for its owner; null if it can be.
 *
 * @param upload the upload, as the API knows it.
 * @param before the file that was chosen for it in this browser; null if that is not known.
 * @param file the file that is chosen now.
 */
export function whyAnotherFile(
  upload: { name: string; bytes: number },
  before: ChosenFile | null,
  file: ChosenFile,
): string | null {
  const hasName = before === null ? safeFileName(file.name) === upload.name : file.name === before.name;
  if (!hasName) return `This upload is of “${before?.name ?? upload.name}”, and you chose “${file.name}”.`;
  if (file.size !== upload.bytes) {
    return `“${file.name}” has a different size than before: ${sizesApart(file.size, upload.bytes)}. It is a different video, or the file has changed.`;
  }
  if (before !== null && file.lastModified !== before.lastModified) {
    return `“${file.name}” was changed after the upload began, so the parts would not fit together. Start a new upload with it.`;
  }
  return null;
}

/** Returns two sizes in words; sizes that look the same in short are given in bytes. */
function sizesApart(now: number, before: number): string {
  const [short, long] = [sizeText(now), sizeText(before)];
  return short === long ? `${now} bytes instead of ${before}` : `${short} instead of ${long}`;
}
