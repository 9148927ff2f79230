/** Makes the job that the worker gets (docs/jobs.md), with presigned URLs for its input, output and preview. */

import { badRequest } from "./errors.ts";
import { type OrderedJob, suffixOf } from "./ordered_job.ts";
import { outputTarget } from "./output_upload.ts";
import type { Terms } from "./quote.ts";
import type { Env } from "./settings.ts";
import { keyOfBucketUrl, outputKey, presignGet, presignPut, previewKey } from "./storage.ts";

/** The longest lifetime of a presigned URL, in seconds. */
export const MAX_LINK_S = 7 * 86_400;
/** How much longer than the job may take its URLs are valid, in seconds: clocks differ. */
export const MARGIN_S = 60;

/** Returns the key of the object that the worker writes. */
export function outputKeyOf(userId: string, jobId: string, order: OrderedJob): string {
  return outputKey(userId, jobId, suffixOf(order));
}

/**
 * Returns the worker's job.
 *
 * @param terms the quote of the job.
 * @param output the key of the object that the worker writes. The preview lies beside it.
 * @param lifetimeS the longest time from now until the worker has written it, in seconds.
 * @throws ApiError 400 if `params.tracks` is an object of another user; 503 if the storage does not answer.
 */
export async function workerInput(
  env: Env,
  userId: string,
  output: string,
  order: OrderedJob & { terms: Terms },
  lifetimeS: number,
): Promise<object> {
  const expiresS = Math.min(MAX_LINK_S, lifetimeS + MARGIN_S);
  return {
    task: order.task,
    input_url: await presignGet(env, order.upload.object_key, expiresS),
    ...(await outputTarget(env, order, order.terms, output, expiresS)),
    preview_url: await presignPut(env, previewKey(output), expiresS, { contentType: "application/json" }),
    params: await signTracks(env, userId, order.params, expiresS),
  };
}

/** Returns the params in which a `tracks` URL of one of the user's own documents is replaced by a fresh link. */
export async function signTracks(
  env: Env,
  userId: string,
  params: object,
  lifetimeS: number,
): Promise<object> {
  const tracks = (params as { tracks?: unknown }).tracks;
  const key = typeof tracks === "string" ? keyOfBucketUrl(env, tracks) : null;
  if (key === null) return params;
  if (key.split("/")[1] !== userId) {
    throw badRequest("params.tracks is refused: it is not a document of yours");
  }
  return { ...params, tracks: await presignGet(env, key, lifetimeS) };
}
