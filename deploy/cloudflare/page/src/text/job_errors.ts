/** Says in plain words why a job failed, and what to do. */

import type { JobError } from "../api/client.ts";

/** Why a job failed, and what its user can do about it. */
interface PlainError {
  what: string;
  toDo: string;
}

const AGAIN = "Start the job again.";
const TELL = "Start the job again. If it fails again, tell the operator the id of this job.";
const OPERATOR = "Choose another model, or tell the operator of this service.";

/** The worker's codes (docs/errors.md) and those of the API (docs/billing.md). */
const ERRORS: Record<string, PlainError> = {
  bad_request: {
    what: "A setting of the job does not fit this video.",
    toDo: "Change it, and start the job again.",
  },
  address_refused: { what: "The address of a file was refused.", toDo: TELL },
  limit_exceeded: {
    what: "The job is longer or larger than this service allows.",
    toDo: "Ask for a smaller scale, or export a shorter part of the video.",
  },
  result_too_large: { what: "The result was too large to be returned.", toDo: TELL },
  input_not_found: { what: "The video is no longer there.", toDo: "Upload it again." },
  input_forbidden: { what: "The worker could not open the video.", toDo: "Upload it again." },
  input_too_large: {
    what: "The file is larger than this service takes.",
    toDo: "Upload a shorter or more compressed video.",
  },
  bad_media: {
    what: "The file is not a video that can be read: it may be damaged or incomplete.",
    toDo: "Check that it plays on your machine, and upload it again.",
  },
  unsupported_media: {
    what: "Videos of this kind cannot be converted without loss.",
    toDo: "Convert the video to a common kind, such as H.264 in MP4, and upload that.",
  },
  output_refused: { what: "The result could not be stored.", toDo: TELL },
  output_forbidden: { what: "The storage did not accept the result.", toDo: AGAIN },
  output_too_large: {
    what: "The result is larger than the storage takes in one file.",
    toDo: "Ask for a smaller scale or a lower quality, or export a part of the video.",
  },
  unknown_model: { what: "There is no model of that name.", toDo: "Choose another model under Advanced." },
  model_not_built: { what: "The model is not installed on the workers.", toDo: OPERATOR },
  weights_refused: { what: "The model is not installed correctly on the workers.", toDo: OPERATOR },
  triton_unavailable: { what: "The model server of the worker stopped.", toDo: AGAIN },
  inference_failed: { what: "The model failed on this video.", toDo: "Choose another model under Advanced." },
  inference_timed_out: { what: "The model took too long to answer.", toDo: AGAIN },
  model_out_of_memory: {
    what: "The GPU had too little memory.",
    toDo: "Start the job again, or ask for a smaller scale.",
  },
  disk_full: { what: "The disk of the worker was full.", toDo: AGAIN },
  encode_failed: { what: "The result could not be encoded.", toDo: "Choose another format or quality." },
  output_rejected: {
    what: "The finished file was compared with the source and did not match it, so it was discarded.",
    toDo: TELL,
  },
  download_failed: { what: "The worker could not download the video.", toDo: AGAIN },
  upload_failed: { what: "The worker could not upload the result.", toDo: AGAIN },
  source_changed: {
    what: "The video changed while it was being processed.",
    toDo: "Upload the video again, and start the job on that upload.",
  },
  plan_refused: { what: "The workers were updated while the film was being processed.", toDo: AGAIN },
  piece_damaged: { what: "A part of the result was damaged in the storage.", toDo: AGAIN },
  export_failed: { what: "A model could not be prepared.", toDo: OPERATOR },
  job_crashed: { what: "The worker crashed on this video.", toDo: TELL },
  job_killed: { what: "The worker was stopped, probably because it had too little memory.", toDo: AGAIN },
  timed_out: {
    what: "The job took longer than its time limit.",
    toDo: "Start the job again, or export a shorter part of the video.",
  },
  shutting_down: { what: "The worker was shut down before the job was done.", toDo: AGAIN },
  cancelled: { what: "The job was stopped before it was done.", toDo: AGAIN },
  internal: { what: "The worker failed unexpectedly. This is a bug in Framewright.", toDo: TELL },
  submission_refused: { what: "No worker took the job.", toDo: "Start the job again in a minute." },
  worker_failed: { what: "The worker failed.", toDo: AGAIN },
  output_missing: { what: "The job ended without a result.", toDo: AGAIN },
  job_lost: { what: "The job was not finished in time.", toDo: AGAIN },
};

/** Returns why a job failed, in plain words. A code that the page does not know has the API's own message. */
export function jobErrorText(error: Pick<JobError, "code" | "message" | "retryable">): PlainError {
  if (Object.hasOwn(ERRORS, error.code)) return ERRORS[error.code] as PlainError;
  return {
    what: sentence(error.message),
    toDo: error.retryable ? AGAIN : "Change the job, and start it again.",
  };
}

/** Returns a message of the worker or the API as a sentence. */
export function sentence(message: string): string {
  const text = message.trim();
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
