/** Completes an upload: joins its parts, and checks that the store has what was declared. */

import { ApiError, badRequest } from "./errors.ts";
import { completeMultipart, listParts, type Part } from "./multipart.ts";
import type { Env } from "./settings.ts";
import { deleteObject, headObject } from "./storage.ts";
import { partsOf } from "./upload_parts.ts";
import { markComplete, markMismatched, type Upload } from "./uploads.ts";

/**
 * Completes an upload and returns its row; one that is complete already is returned as it is.
 *
 * Whatever the store answers to the request that joins the parts, the object decides: an earlier request may have
 * joined them although its answer was lost, and two requests may run at once.
 *
 * @param parts the parts with their ETags as the client received them; without them the store's own list is used.
 * @throws ApiError 409 if the file or parts of it have not been uploaded, 422 if the parts or the file differ from
 *   what was declared, 503 if the store does not answer.
 */
export async function completeUpload(
  env: Env,
  upload: Upload,
  parts: readonly Part[] | null,
): Promise<Upload> {
  if (upload.state === "complete") return upload;
  if (upload.multipart_id !== null && upload.part_bytes !== null) {
    const failure = await joinParts(env, upload, upload.multipart_id, upload.part_bytes, parts);
    return await completeWhenStored(env, upload, failure);
  }
  if (parts !== null) throw badRequest("parts: this upload is one PUT and has no parts");
  const complete = await completeIfStored(env, upload);
  if (complete === null) throw incomplete("its file has not been uploaded");
  return complete;
}

/**
 * Completes an upload in parts if its object is there, or appears within some seconds where `failure` does not rule
 * out that another request is joining the parts.
 *
 * @throws ApiError `failure` if there is no object.
 */
export async function completeWhenStored(env: Env, upload: Upload, failure: ApiError): Promise<Upload> {
  const mayAppear = failure.code === LOST || failure.retryAfterS !== undefined;
  for (const waitMs of mayAppear ? [0, 500, 1000, 2000] : [0]) {
    await scheduler.wait(waitMs);
    const complete = await completeIfStored(env, upload);
    if (complete !== null) return complete;
  }
  throw failure;
}

const LOST = "upload_lost";

/** Returns the error for an upload whose parts the store does not know any more, and that has no object. */
export function partsLost(): ApiError {
  return new ApiError(409, LOST, "the storage no longer has the parts of this upload: start a new one");
}

/**
 * Marks an upload as complete if the store has its object, and returns its row; null if there is no object.
 *
 * @throws ApiError 422 if the object is not what was declared. It is deleted then, and so is the upload.
 */
async function completeIfStored(env: Env, upload: Upload): Promise<Upload | null> {
  const stored = await headObject(env, upload.object_key);
  if (stored === null) return null;
  if (stored.bytes !== upload.bytes || stored.contentType !== upload.content_type) {
    await deleteObject(env, upload.object_key);
    await markMismatched(env, upload);
    throw new ApiError(
      422,
      "upload_mismatch",
      `the file has ${stored.bytes} bytes of type ${stored.contentType.slice(0, 100)}, but ${upload.bytes} bytes of ` +
        `type ${upload.content_type} were declared: it was deleted, start a new upload`,
    );
  }
  return await markComplete(env, upload);
}

/** Joins the parts, and returns the error to answer if there is no object afterwards. */
async function joinParts(
  env: Env,
  upload: Upload,
  multipartId: string,
  partBytes: number,
  parts: readonly Part[] | null,
): Promise<ApiError> {
  const planned = partsOf(upload.bytes, partBytes);
  const stored = parts ?? (await listParts(env, upload.object_key, multipartId));
  if (stored === null) return partsLost();
  const byNumber = new Map(stored.map((part) => [part.number, part]));
  const missing = planned.filter(({ number }) => !byNumber.has(number)).map(({ number }) => number);
  if (missing.length > 0) return incomplete(`parts are missing: ${shortList(missing)} of ${planned.length}`);
  if (byNumber.size !== planned.length || stored.length !== planned.length) {
    throw new ApiError(422, "parts_refused", `there must be each of the parts 1 to ${planned.length} once`);
  }
  const sorted = [...stored].sort((a, b) => a.number - b.number);
  let code: string | null;
  try {
    code = await completeMultipart(env, upload.object_key, multipartId, sorted);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  if (code === null || code === "NoSuchUpload") return partsLost();
  return new ApiError(
    422,
    "parts_refused",
    `the storage does not accept the parts (${code}): GET /uploads/${upload.id} tells which ones it has`,
  );
}

function incomplete(what: string): ApiError {
  return new ApiError(409, "upload_incomplete", `the upload is not complete: ${what}`);
}

function shortList(numbers: number[]): string {
  const more = numbers.length - 10;
  return numbers.slice(0, 10).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
