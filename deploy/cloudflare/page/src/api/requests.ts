/** Reads single objects and pages of lists from the API. */

import { answerOf, api, type Job, type Upload } from "./client.ts";

/** Returns a job, with links that work for an hour. */
export function getJob(id: string, signal: AbortSignal | null = null): Promise<Job> {
  return answerOf(api.GET("/status/{id}", { params: { path: { id } }, signal }));
}

/**
 * Returns an upload: with a link to its file if it is complete, otherwise with URLs for what is missing.
 *
 * @param from the number of the first part to get URLs for; by default the first that is missing.
 */
export function getUpload(id: string, signal: AbortSignal | null = null, from?: number): Promise<Upload> {
  const query = from === undefined ? {} : { from };
  return answerOf(api.GET("/uploads/{id}", { params: { path: { id }, query }, signal }));
}

/** Returns a page of the jobs, the newest first, without the long parts of their results. */
export function getJobs(cursor: string | null, signal: AbortSignal | null = null) {
  return answerOf(api.GET("/jobs", { params: { query: cursor === null ? {} : { cursor } }, signal }));
}
