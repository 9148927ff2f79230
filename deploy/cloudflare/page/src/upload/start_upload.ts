/** Starts the upload of a file, goes on with one that was started before, or completes it. */

import { ApiFailure, answerOf, api, type Upload } from "../api/client.ts";
import { rememberUpload } from "../api/queries.ts";
import { getUpload } from "../api/requests.ts";
import {
  type ChosenFile,
  forgetFile,
  rememberedFile,
  rememberFile,
  uploadsOfFile,
} from "../state/chosen_files.ts";
import { useClientState } from "../state/client_state.ts";
import { videoType } from "./check_file.ts";
import { isBeingSent } from "./file_transfer.ts";
import { whyAnotherFile } from "./same_file.ts";
import { startTransfer } from "./transfer_queue.ts";

/**
 * Starts the upload of a file that can be uploaded, and returns the id of the upload. A file whose upload was begun in
 * this browser, and not finished, is continued.
 *
 * @throws ApiFailure the API refused the upload, or cannot be reached.
 */
export async function startUpload(file: File): Promise<string> {
  const upload = (await unfinishedUpload(file)) ?? (await newUpload(file));
  if (!(await isBeingSent(upload.id))) send(upload, file);
  return upload.id;
}

/** Goes on with an upload; returns why that is not possible with this file, or null. */
export function continueUpload(upload: Upload, file: File): string | null {
  const why = whyAnotherFile(upload, rememberedFile(upload.id), file);
  if (why === null) send(upload, file);
  return why;
}

/**
 * Completes an upload if all of it has arrived, and returns whether it has.
 *
 * @throws ApiFailure the API does not answer, or the upload is gone.
 */
export async function completeIfArrived(uploadId: string): Promise<boolean> {
  try {
    const upload = await answerOf(
      api.POST("/uploads/{id}/complete", { params: { path: { id: uploadId } }, body: {} }),
    );
    forgetFile(uploadId);
    rememberUpload(upload);
    return true;
  } catch (failure) {
    if (failure instanceof ApiFailure && failure.code === "upload_incomplete") return false;
    throw failure;
  }
}

function send(upload: Upload, file: File): void {
  rememberFile(upload.id, file);
  useClientState.getState().keepFile(upload.id, file);
  startTransfer(upload.id);
}

async function newUpload(file: File): Promise<Upload> {
  const content_type = videoType(file.name) ?? "video/mp4";
  const upload = await answerOf(
    // The API takes names of up to 1024 characters.
    api.POST("/uploads", { body: { name: file.name.slice(-1024), content_type, bytes: file.size } }),
  );
  rememberUpload(upload);
  return upload;
}

/** Returns the open upload for which this file was chosen before; null if there is none. */
async function unfinishedUpload(file: ChosenFile): Promise<Upload | null> {
  for (const id of uploadsOfFile(file)) {
    try {
      const upload = await getUpload(id);
      if (upload.state === "open") return upload;
    } catch (failure) {
      if (!(failure instanceof ApiFailure) || failure.status !== 404) continue;
    }
    forgetFile(id);
  }
  return null;
}
