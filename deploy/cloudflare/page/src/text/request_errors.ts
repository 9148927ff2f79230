/** Says in plain words why the API refused a request of the page, and what to do. */

import { sentence } from "./job_errors.ts";
import { PARAM_NAMES } from "./param_names.ts";

const FAILURES: Record<string, string> = {
  offline: "Framewright cannot be reached. Check your connection; the page continues when it is back.",
  not_enough_money:
    "The wallet has less than this job may cost. Top it up, or make the job smaller. You were not charged.",
  no_worker_available:
    "The workers take no more jobs at the moment. You were not charged. Try again in a minute.",
  quote_expired: "The price has expired. A new one is on its way. You were not charged.",
  quote_not_found: "The price is no longer valid. A new one is on its way. You were not charged.",
  upload_incomplete: "The upload is not complete yet. You were not charged.",
  upload_not_found: "This video is no longer there: videos are kept for six days. Upload it again.",
  upload_lost: "The storage has lost parts of this upload. Upload the video again.",
  job_not_found: "There is no such job. It may have been deleted.",
  tracks_gone:
    "The tracks that the crop follows have been deleted. Track the video again, or choose another crop.",
  job_deleted: "This job has been deleted.",
  job_not_ended: "The job has not ended yet. Cancel it first.",
  upload_in_use: "A job that has not ended uses this video. Cancel it first.",
  database_unavailable: "The service does not answer at the moment. Try again in a minute.",
  storage_unavailable: "The file storage does not answer at the moment. Try again in a minute.",
  too_many_requests: "There were too many requests. The page tries again in a moment.",
  internal: "Something went wrong on our side. Try again. You were not charged.",
};

/**
 * Returns why a request was refused. A refused field of a job has the name that the form gives it.
 *
 * @param failure what `answerOf` throws; the message of any other error is shown as it is.
 */
export function requestErrorText(failure: { code?: string; message: string }): string {
  const { code = "" } = failure;
  if (Object.hasOwn(FAILURES, code)) return FAILURES[code] as string;
  const { param, rest } = paramOf(failure.message);
  return Object.hasOwn(PARAM_NAMES, param)
    ? sentence(`${PARAM_NAMES[param]}${rest}`)
    : sentence(failure.message);
}

/** Returns the field of a job that a refusal is about, such as `confidence`; null if it is about none. */
export function refusedParam(failure: { code?: string; message: string }): string | null {
  return paramOf(failure.message).param || null;
}

/** Splits `params.scale 17 is refused` into the name of the field and the rest. */
function paramOf(message: string): { param: string; rest: string } {
  const [, param = "", rest = ""] = /^params\.(\w+)((?:\W.*)?)$/s.exec(message) ?? [];
  return { param, rest };
}
