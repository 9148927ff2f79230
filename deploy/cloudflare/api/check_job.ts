/** Checks the task and the params of a job by the rules of the worker, before money is held for it. */

import { badRequest } from "./errors.ts";
import type { ExportParams, TrackParams, UpscaleParams } from "./generated/job_validator.js";
import { exportParams, trackParams, upscaleParams } from "./generated/job_validator.js";
import { refusal } from "./job_refusal.ts";
import { brokenExportRule } from "./job_rules.ts";

/** The task and the params of a job that the worker accepts. */
export type CheckedJob =
  | { task: "upscale"; params: UpscaleParams }
  | { task: "track"; params: TrackParams }
  | { task: "export"; params: ExportParams };

const VALIDATORS = { upscale: upscaleParams, track: trackParams, export: exportParams };

/**
 * Returns a job with its types if the worker accepts it.
 *
 * What depends on the worker's settings, on its models or on the video is left to the worker.
 *
 * @param task the name of the task, from a body that `readBody` has checked.
 * @param params the params, from the same body; undefined takes the defaults. They are not changed.
 * @param isOwnObject whether a URL points into the bucket of the API; `tracks` may be such a URL whatever its host is.
 * @throws ApiError 400 bad_request: a value is wrong; the message names it.
 */
export function checkJob(
  task: unknown,
  params: unknown,
  isOwnObject: (url: string) => boolean = () => false,
): CheckedJob {
  if (task === undefined) throw badRequest("task is missing");
  if (typeof task !== "string" || !Object.hasOwn(VALIDATORS, task)) {
    throw badRequest(`task is refused: there are ${Object.keys(VALIDATORS).join(", ")}`);
  }
  const values = params === undefined ? {} : params;
  const validate = VALIDATORS[task as keyof typeof VALIDATORS];
  if (!validate(values)) throw badRequest(refusal(validate.errors ?? []));
  const job = { task, params: values } as CheckedJob;
  const broken = job.task === "export" ? brokenExportRule(job.params, isOwnObject) : null;
  if (broken !== null) throw badRequest(broken);
  return job;
}
