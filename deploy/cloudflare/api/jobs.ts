/** Reads jobs from the database, and shows them as the one job object that every route answers with. */

import { z } from "@hono/zod-openapi";
import { ApiError } from "./errors.ts";
import { FilmStatus } from "./film/film_schema.ts";
import { filmStatus } from "./film/film_status.ts";
import { LEFT_OUT_OF_LISTS, LISTED_RESULT, PARAMS, RESULT, TaskName } from "./job_schemas.ts";
import { Terms } from "./quote.ts";
import type { Env } from "./settings.ts";
import { presignGet, previewKey } from "./storage.ts";

/** How long the links in a job object work, in seconds. */
const LINK_S = 3600;

const JobState = z
  .enum(["submitting", "queued", "running", "cancelling", "completed", "failed", "cancelled"])
  .openapi("JobState", {
    description:
      "`submitting`: RunPod has not confirmed the job yet. `queued`, `running`. `cancelling`: asked to stop. " +
      "`completed`, `failed` and `cancelled` are final.",
  });

const Progress = z
  .object({
    stage: z.string().openapi({ description: "What the worker is doing.", example: "upscaling" }),
    percent: z.number().nullable().openapi({ description: "How much of this stage is done, 0 to 100." }),
    eta_s: z.number().nullable().openapi({ description: "Seconds until the end of this stage, estimated." }),
    frames: z.number().nullable().openapi({ description: "Frames done." }),
    total: z.number().nullable().openapi({ description: "Frames in all, if known." }),
    fps: z.number().nullable().openapi({ description: "Frames per second of wall time." }),
  })
  .openapi("Progress");
export type Progress = z.infer<typeof Progress>;

export const JobError = z
  .object({
    code: z.string().openapi({ description: "The worker's own error code, or one of the API's." }),
    message: z.string().openapi({ description: "What was wrong and what to do, in one line." }),
    retryable: z.boolean().openapi({ description: "Whether the same job may succeed later, unchanged." }),
    fault: z.enum(["caller", "worker"]).openapi({
      description:
        "`caller`: the request or its input; what ran is charged. `worker`: a failure of the service; nothing is charged.",
    }),
  })
  .openapi("JobError");
export type JobError = z.infer<typeof JobError>;

const time = (what: string) => z.int().openapi({ description: `${what}, in milliseconds since 1970.` });

export const JobObject = z
  .object({
    id: z
      .string()
      .openapi({ description: "The id of the job.", example: "job_3f2a9c0d1e4b4c5f8a7b6c5d4e3f2a1b" }),
    task: TaskName,
    params: z.record(z.string(), z.unknown()).openapi(PARAMS),
    upload_id: z.string().openapi({ description: "The source video." }),
    input_name: z.string().openapi({ description: "The name of the source video's file." }),
    state: JobState,
    progress: Progress.nullable().openapi({
      description:
        "The worker's last update that the API has seen; null before the first. It stays as it was when the job ends.",
    }),
    result: z.record(z.string(), z.unknown()).nullable().openapi(RESULT),
    error: JobError.nullable().openapi({ description: "Why the job failed; null otherwise." }),
    film: FilmStatus.nullable().openapi({
      description: "How far its segments are; null for a job that is not made in pieces, and in lists.",
    }),
    quote: Terms,
    hold: z.int().openapi({ description: "The most that the job can cost, in micro-dollars." }),
    charge: z
      .int()
      .nullable()
      .openapi({ description: "What it cost, in micro-dollars; null until it ends." }),
    execution_ms: z.number().nullable().openapi({
      description: "How long it ran, in milliseconds, as RunPod states it; null if it does not.",
    }),
    links: z
      .object({
        input: z.string().openapi({ description: "The source video, presigned." }),
        output: z
          .string()
          .nullable()
          .openapi({ description: "The output file, presigned; null if there is none." }),
        preview: z.string().nullable().openapi({
          description:
            "The preview, a JSON document with stills (docs/jobs.md), presigned; null if there is none.",
        }),
        expires_at: time("Until when these links work"),
      })
      .openapi({ description: "Links that were made for this answer." }),
    created_at: time("When the job was accepted"),
    started_at: time("When a worker began; null if that is not known").nullable(),
    ended_at: time("When the job was settled; null before").nullable(),
  })
  .openapi("Job");
export type JobObject = z.infer<typeof JobObject>;

/** A job in a list: its result lacks what may be long. */
export const ListedJob = z
  .object({
    ...JobObject.shape,
    result: z.record(z.string(), z.unknown()).nullable().openapi(LISTED_RESULT),
  })
  .openapi("ListedJob");

/** A row of the table `jobs`, with the key and the name of its source. Times are milliseconds since 1970. */
export interface JobRow {
  id: string;
  user_id: string;
  body_sha256: string;
  upload_id: string;
  input_key: string;
  input_name: string;
  task: TaskName;
  params: string;
  terms: string;
  hold: number;
  charge: number | null;
  execution_ms: number | null;
  ttl_ms: number;
  output_key: string;
  /** 1 for a job that is made in pieces. */
  is_film: number;
  state: z.infer<typeof JobState>;
  runpod_id: string | null;
  cancel_requested_at: number | null;
  progress: string | null;
  result: string | null;
  error: string | null;
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
  polled_at: number;
  deleted_at: number | null;
}

/** The columns of the table that a query for job rows selects, but for `result`. */
const COLUMNS = (
  "id user_id body_sha256 upload_id task params terms hold charge execution_ms ttl_ms output_key is_film state runpod_id " +
  "cancel_requested_at progress error created_at started_at ended_at polled_at deleted_at"
).split(" ");

/** The head of every query for job rows. */
export const SELECT_JOB = selectJobs("jobs.result");

/** The head of the query for rows of a list, whose results lack what may be long: see LISTED_RESULT. */
export const SELECT_LISTED_JOB = selectJobs(
  `json_remove(jobs.result, ${LEFT_OUT_OF_LISTS.map((name) => `'$.${name}'`).join(", ")})`,
);

function selectJobs(result: string): string {
  const columns = COLUMNS.map((name) => `jobs.${name}`).join(", ");
  return `SELECT ${columns}, ${result} AS result, uploads.object_key AS input_key, uploads.name AS input_name
    FROM jobs JOIN uploads ON uploads.id = jobs.upload_id`;
}

/**
 * Reads a job of a user.
 *
 * @throws ApiError 404 `job_not_found`: there is none, it was deleted, or it is somebody else's.
 */
export async function jobOfUser(env: Env, userId: string, id: string): Promise<JobRow> {
  const row = await selectJobOfUser(env, userId, id).first<JobRow>();
  if (row === null) throw noSuchJob();
  return row;
}

/** Returns the query for a job of a user that was not deleted. */
export function selectJobOfUser(env: Env, userId: string, id: string): D1PreparedStatement {
  return env.DB.prepare(`${SELECT_JOB} WHERE jobs.id = ? AND jobs.user_id = ? AND deleted_at IS NULL`).bind(
    id,
    userId,
  );
}

/** The one answer for jobs that do not exist, were deleted, or are somebody else's. */
export function noSuchJob(): ApiError {
  return new ApiError(404, "job_not_found", "there is no such job; GET /jobs lists yours");
}

/** Reads a job whoever it belongs to; null if there is none. */
export async function jobById(env: Env, id: string): Promise<JobRow | null> {
  return selectJob(env, id).first<JobRow>();
}

/** Returns the query for a job, whoever it belongs to. */
export function selectJob(env: Env, id: string): D1PreparedStatement {
  return env.DB.prepare(`${SELECT_JOB} WHERE jobs.id = ?`).bind(id);
}

/** Returns the name of a job's source without its suffix, for the names of downloads. */
export function stemOf(row: JobRow): string {
  return row.input_name.replace(/\.[^.]*$/, "");
}

/** Returns the job object, with links that were presigned just now; in a list without the pieces of a film. */
export async function jobObject(env: Env, row: JobRow, isListed = false): Promise<JobObject> {
  const result = row.result === null ? null : (JSON.parse(row.result) as Record<string, unknown>);
  const hasPreview = row.state === "completed" && typeof result?.preview_url === "string";
  const hasOutput = row.state === "completed" && (result === null || "output_url" in result);
  const suffix = row.output_key.slice(row.output_key.lastIndexOf("."));
  return {
    id: row.id,
    task: row.task,
    params: JSON.parse(row.params),
    upload_id: row.upload_id,
    input_name: row.input_name,
    state: row.state,
    progress: row.progress === null ? null : JSON.parse(row.progress),
    result,
    error: row.error === null ? null : JSON.parse(row.error),
    film: isListed ? null : await filmStatus(env, row, LINK_S),
    quote: { film: null, ...JSON.parse(row.terms) },
    hold: row.hold,
    charge: row.charge,
    execution_ms: row.execution_ms,
    links: {
      input: await presignGet(env, row.input_key, LINK_S),
      output: hasOutput
        ? await presignGet(env, row.output_key, LINK_S, {
            downloadName: `${stemOf(row)}-${row.task}${suffix}`,
          })
        : null,
      preview: hasPreview ? await presignGet(env, previewKey(row.output_key), LINK_S) : null,
      expires_at: Date.now() + LINK_S * 1000,
    },
    created_at: row.created_at,
    started_at: row.started_at,
    ended_at: row.ended_at,
  };
}
