/** Says in words how far a job is, and what it has cost. */

import type { Job } from "../api/client.ts";
import { exactly, roughly } from "./durations.ts";
import { dollars } from "./money.ts";

const STAGES: Record<string, string> = {
  starting: "Reading the video",
  planning: "Planning the parts",
  upscaling: "Upscaling",
  exporting: "Exporting",
  tracking: "Tracking",
  assembling: "Assembling the parts",
  drawing: "Drawing",
  finishing: "Checking and uploading the result",
};

/** Returns the name of a worker's stage. */
export function stageText(stage: string): string {
  return STAGES[stage] ?? "Working";
}

const STATES: Record<Job["state"], string> = {
  submitting: "Starting",
  queued: "Waiting",
  running: "Running",
  cancelling: "Cancelling",
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
};

/** Returns the name of a state. */
export function stateText(state: Job["state"]): string {
  return STATES[state];
}

const TASKS: Record<Job["task"], string> = { upscale: "Upscale", track: "Track", export: "Export" };

/** Returns the name of a task. */
export function taskText(task: Job["task"]): string {
  return TASKS[task];
}

/** Returns what a job does: its task, or that it previews one. */
export function workText(job: Pick<Job, "task" | "quote">): string {
  return job.quote.film?.is_preview ? `${taskText(job.task)} preview` : taskText(job.task);
}

/**
 * Returns what a job that waits is waiting for.
 *
 * @param waitedS how long it has waited, in seconds.
 * @param coldStartS how long a worker takes to start, in seconds.
 */
export function waitingText(waitedS: number, coldStartS: number): string {
  return waitedS < coldStartS
    ? `A worker may have to start first, which takes about ${roughly(coldStartS)}. Waiting costs nothing.`
    : `The job has waited ${exactly(waitedS)} for a free worker. Waiting costs nothing.`;
}

/** Returns what a job that has ended was charged: `You were charged 0.01 $ for 8 s of run time.` */
export function chargeText(job: Pick<Job, "charge" | "execution_ms">): string {
  const { charge, execution_ms } = job;
  if (charge === null || charge === 0) return "You were not charged.";
  const time =
    execution_ms === null || execution_ms <= 0 ? "" : ` for ${exactly(execution_ms / 1000)} of run time`;
  return `You were charged ${dollars(charge)}${time}.`;
}

/** Returns what cancelling a job costs at this moment, before it is confirmed. */
export function cancelText(job: Pick<Job, "started_at" | "quote" | "hold" | "film">, nowMs: number): string {
  if (job.film !== null) return "Only the parts that are done are charged. There will be no result.";
  if (job.started_at === null) return "The job has not started, so cancelling costs nothing.";
  const ranS = Math.max(0, nowMs - job.started_at) / 1000;
  const cost = Math.min(job.hold, Math.ceil(ranS * job.quote.price_per_s));
  return `The job has run for ${exactly(ranS)}. Only that is charged: about ${dollars(cost)}. There will be no result.`;
}

/** Returns what a screen reader says of a job: it changes with its state and its stage, and every 10 percent. */
export function spokenText(job: Pick<Job, "state" | "progress">): string {
  switch (job.state) {
    case "submitting":
    case "queued":
      return "Waiting for a free worker.";
    case "cancelling":
      return "Cancelling.";
    case "completed":
      return "The job is done.";
    case "failed":
    case "cancelled":
      return ""; // The message that says why is announced itself.
    case "running": {
      if (job.progress === null) return "The worker has started.";
      const { stage, percent } = job.progress;
      const done = percent === null ? "" : `: ${Math.floor(percent / 10) * 10} percent`;
      return `${stageText(stage)}${done}.`;
    }
  }
}
