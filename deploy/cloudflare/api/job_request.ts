/** Defines how a request names a job: its task, its params, and its input. */

import { z } from "@hono/zod-openapi";
import { type CheckedJob, checkJob } from "./check_job.ts";
import { badRequest } from "./errors.ts";
import { PARAMS, TaskName } from "./job_schemas.ts";
import type { Env } from "./settings.ts";
import { keyOfBucketUrl } from "./storage.ts";
import { noSuchUpload, requireVideo, type Upload, uploadQuery } from "./uploads.ts";
import { Source } from "./workload.ts";

/** The fields of a request that name a job; `checkJob` checks the task and the params. */
export const JOB_FIELDS = {
  task: TaskName,
  params: z.unknown().optional().openapi(PARAMS),
  upload_id: z.string().max(100).optional().openapi({ description: "The upload that is the input." }),
  input_url: z.string().max(4000).optional().openapi({
    description: "A URL of an uploaded object in the bucket of this API, instead of `upload_id`.",
  }),
  source: Source.optional(),
  preview: z
    .boolean()
    .optional()
    .openapi({
      description:
        "Makes only the hardest ten seconds of an upscale or an export, at the same settings. A later job for the whole " +
        "uses this part again, and it is not paid for twice.",
    }),
};

/** How a request names its input. */
interface InputFields {
  upload_id?: string | undefined;
  input_url?: string | undefined;
}

/**
 * Returns the job that a request asks for; its `tracks` may be the URL of an object of this API.
 *
 * @throws ApiError 400 bad_request: see `checkJob`.
 */
export function jobOf(
  env: Env,
  request: { task?: unknown; params?: unknown; preview?: boolean | undefined },
): CheckedJob {
  const job = checkJob(request.task, request.params, (url) => keyOfBucketUrl(env, url) !== null);
  const hasPieces = job.task === "upscale" || (job.task === "export" && job.params.format !== "gif");
  if (request.preview === true && !hasPieces) {
    throw badRequest("preview: ask for one of an upscale, or of an export that is no GIF");
  }
  return job;
}

/**
 * Returns the upload that is the input of a job, open or complete.
 *
 * @throws ApiError 400 bad_request: the request names no input or two, a URL that is not of this API's bucket, or a
 *   document of tracks.
 * @throws ApiError 404 upload_not_found: the user has no such upload.
 */
export async function inputOf(env: Env, userId: string, request: InputFields): Promise<Upload> {
  const upload = await inputQuery(env, userId, request).first<Upload>();
  if (upload === null) throw noSuchUpload();
  requireVideo(upload);
  return upload;
}

/**
 * Returns the query for the upload that is the input of a job, open or complete.
 *
 * @throws ApiError 400 bad_request: the request names no input or two, or a URL that is not of this API's bucket.
 */
export function inputQuery(env: Env, userId: string, request: InputFields): D1PreparedStatement {
  const { upload_id, input_url } = request;
  if ((upload_id === undefined) === (input_url === undefined)) {
    throw badRequest("upload_id or input_url: give one of them, and not both");
  }
  if (upload_id !== undefined) return uploadQuery(env, userId, "id", upload_id);
  const key = keyOfBucketUrl(env, input_url ?? "");
  if (key === null) {
    throw badRequest("input_url: give a URL of an object that was uploaded by this API");
  }
  return uploadQuery(env, userId, "object_key", key);
}
