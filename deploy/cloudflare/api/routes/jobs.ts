/** Serves the routes of jobs: POST /debit, GET /status/ID, GET /jobs, POST /cancel/ID, DELETE /jobs/ID. */

import { createRoute, z } from "@hono/zod-openapi";
import { ApiError } from "../errors.ts";
import { playlistOf } from "../film/film_status.ts";
import { IdempotencyHeaders } from "../idempotency.ts";
import { cancelJob, deleteJob } from "../job_actions.ts";
import { JobObject, type JobRow, jobObject, jobOfUser, ListedJob, SELECT_LISTED_JOB } from "../jobs.ts";
import { cursor, Next, pageOf, QUERY_ROWS, startOfPage } from "../pages.ts";
import { refreshJob } from "../refresh.ts";
import { error, json, requiredJson } from "../responses.ts";
import { newRouter } from "../router.ts";
import { Debit, debit } from "../submit.ts";

export const jobs = newRouter();

const JobId = z.object({ id: z.string().max(100).openapi({ description: "The id of a job of yours." }) });

jobs.openapi(
  createRoute({
    method: "post",
    path: "/debit",
    summary: "Start a job, and hold the money for it",
    description:
      "Holds the most that the job can cost and asks a GPU worker to run it. Sending the same request again with " +
      "the same Idempotency-Key returns the same job and holds nothing more.",
    request: {
      headers: IdempotencyHeaders,
      body: requiredJson(Debit),
    },
    responses: {
      200: json("The job that the first request with this key started.", JobObject),
      201: json("The job that this request started.", JobObject),
      400: error("The request or a parameter of the job is wrong."),
      402: error("The wallet has less money than the job may cost."),
      404: error("There is no such upload or quote."),
      409: error("The upload is not complete."),
      410: error("The quote has expired, or the upload or the job was deleted."),
      422: error("The Idempotency-Key belongs to a request with another body."),
      503: error("RunPod takes no jobs now; nothing was charged, and the same request can be sent again."),
    },
  }),
  async (c) => {
    const key = c.req.valid("header")["idempotency-key"];
    const { row, isNew } = await debit(c.env, c.var.user.id, c.req.valid("json"), key, (work) =>
      c.executionCtx.waitUntil(work),
    );
    return c.json(await jobObject(c.env, row), isNew ? 201 : 200);
  },
);

jobs.openapi(
  createRoute({
    method: "get",
    path: "/status/{id}",
    summary: "Show a job: its progress, its result, and what it costs",
    request: { params: JobId },
    responses: { 200: json("The job.", JobObject), 404: error("There is no such job of yours.") },
  }),
  async (c) => {
    const row = await refreshJob(c.env, c.var.user.id, c.req.valid("param").id);
    return c.json(await jobObject(c.env, row), 200);
  },
);

const JobList = z
  .object({
    jobs: z.array(ListedJob).openapi({ description: "The jobs, the newest first." }),
    next: Next,
  })
  .openapi("JobList");

jobs.openapi(
  createRoute({
    method: "get",
    path: "/jobs",
    summary: "List your jobs, newest first",
    description:
      "Their states are as last seen; GET /status/ID brings one up to date. Results lack their long parts (`tracks`, " +
      "`keyframes`, `fidelity`), which GET /status/ID shows.",
    request: { query: z.object({ cursor: cursor("job") }) },
    responses: { 200: json("A page of jobs.", JobList), 400: error("The cursor is malformed.") },
  }),
  async (c) => {
    const [time, id] = startOfPage(c.req.valid("query").cursor);
    const { results } = await c.env.DB.prepare(
      `${SELECT_LISTED_JOB} WHERE jobs.user_id = ? AND deleted_at IS NULL AND (jobs.created_at, jobs.id) < (?, ?)
       ORDER BY jobs.created_at DESC, jobs.id DESC LIMIT ?`,
    )
      .bind(c.var.user.id, time, id, QUERY_ROWS)
      .all<JobRow>();
    const { page, next } = pageOf(results);
    return c.json({ jobs: await Promise.all(page.map((row) => jobObject(c.env, row, true))), next }, 200);
  },
);

jobs.openapi(
  createRoute({
    method: "post",
    path: "/cancel/{id}",
    summary: "Cancel a job",
    description:
      "A job that waits costs nothing; one that runs costs what ran. A job that has ended stays as it is.",
    request: { params: JobId },
    responses: {
      200: json("The job: cancelled, about to be (`cancelling`), or ended before.", JobObject),
      404: error("There is no such job of yours."),
    },
  }),
  async (c) => {
    const row = await jobOfUser(c.env, c.var.user.id, c.req.valid("param").id);
    return c.json(await jobObject(c.env, await cancelJob(c.env, row)), 200);
  },
);

jobs.openapi(
  createRoute({
    method: "get",
    path: "/jobs/{id}/playlist",
    summary: "List the parts of a film that can be watched, as an extended M3U",
    description:
      "Write `m3u` to a file, and open it with a player such as VLC or mpv. The parts stand in the order of the film, " +
      "without those that are not done yet.",
    request: { params: JobId },
    responses: {
      200: json(
        "The playlist.",
        z.object({ m3u: z.string().openapi({ description: "The playlist; its links work for an hour." }) }),
      ),
      404: error("There is no such job of yours, or it is not made in pieces."),
    },
  }),
  async (c) => {
    const job = await jobObject(c.env, await jobOfUser(c.env, c.var.user.id, c.req.valid("param").id));
    if (job.film === null) throw new ApiError(404, "not_found", "this job is not made in pieces");
    return c.json({ m3u: playlistOf(job.film.pieces) }, 200);
  },
);

jobs.openapi(
  createRoute({
    method: "delete",
    path: "/jobs/{id}",
    summary: "Delete a job that has ended, with its output and its preview",
    description: "The entries of the wallet stay. The source video stays too: DELETE /uploads/ID deletes it.",
    request: { params: JobId },
    responses: {
      204: { description: "The job, its output and its preview are deleted." },
      404: error("There is no such job of yours."),
      409: error("The job has not ended; cancel it first."),
    },
  }),
  async (c) => {
    await deleteJob(c.env, await jobOfUser(c.env, c.var.user.id, c.req.valid("param").id));
    return c.body(null, 204);
  },
);
