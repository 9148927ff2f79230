/** Serves POST /webhook/ID/MAC, by which RunPod says that a job has ended. */

import { createRoute, z } from "@hono/zod-openapi";
import { ApiError } from "../errors.ts";
import { event } from "../events.ts";
import { hearOfStep } from "../film/film_job.ts";
import { runOfName } from "../film/film_rows.ts";
import { type JobRow, jobById, noSuchJob } from "../jobs.ts";
import { askRunPod, recordStatus } from "../refresh.ts";
import { error, json } from "../responses.ts";
import { newRouter } from "../router.ts";
import { isRecord, isRunPodId, status as runpodStatus } from "../runpod.ts";
import type { Env } from "../settings.ts";
import { macIsRight } from "../webhook_mac.ts";

/** The longest body that is read, in bytes: RunPod's repeats the input (10 MB at most) and the output. */
const MAX_BODY_BYTES = 32 * 2 ** 20;

export const webhook = newRouter();

webhook.openapi(
  createRoute({
    method: "post",
    path: "/webhook/{id}/{mac}",
    summary: "RunPod says that a job has ended",
    description:
      "The body is taken as a hint only: the API asks RunPod how the job stands. Any answer but 200 makes RunPod " +
      "send the webhook again.",
    security: [],
    request: {
      params: z.object({
        id: z.string().openapi({ description: "The id of the job, or the name of a run of a film's step." }),
        mac: z.string().openapi({ description: "The MAC of the id, which only RunPod knows." }),
      }),
    },
    responses: {
      200: json("The job is settled.", z.object({})),
      404: error("There is no such job, or the MAC is not that of this job."),
      503: error("The job could not be settled yet."),
    },
  }),
  async (c) => {
    const { id, mac } = c.req.valid("param");
    const isRight = await macIsRight(c.env, id, mac);
    const run = isRight ? runOfName(id) : null;
    if (run !== null) {
      const isOver = await hearOfStep(c.env, run, () => runpodId(c.req.raw));
      event("webhook", { job: run.job_id, settled: isOver });
      if (!isOver) throw new ApiError(503, "job_not_ended", "the step has not ended yet", 10);
      return c.json({}, 200);
    }
    const row = isRight ? await jobById(c.env, id) : null;
    if (row === null) throw noSuchJob();
    const after = row.ended_at === null ? await settleIfEnded(c.env, row, c.req.raw) : row;
    event("webhook", { job: id, settled: after.ended_at !== null });
    if (after.ended_at === null) throw new ApiError(503, "job_not_ended", "the job has not ended yet", 10);
    return c.json({}, 200);
  },
);

/** Asks RunPod how the job stands; the body names RunPod's id of it if the answer to /run was lost or is late. */
async function settleIfEnded(env: Env, row: JobRow, request: Request): Promise<JobRow> {
  if (row.runpod_id !== null) return askRunPod(env, row);
  const id = await runpodId(request);
  const found = id === null ? null : await runpodStatus(env, id);
  return found?.outcome === "found" ? recordStatus(env, row, found.job) : row;
}

/** Returns the id in the body of a webhook; null if there is none, or the body is too long. */
async function runpodId(request: Request): Promise<string | null> {
  try {
    const body: unknown = JSON.parse(await limitedText(request, MAX_BODY_BYTES));
    return isRecord(body) && isRunPodId(body.id) ? body.id : null;
  } catch {
    return null;
  }
}

async function limitedText(request: Request, limit: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > limit) throw new RangeError("the body is too long");
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
