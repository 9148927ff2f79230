/** Asks RunPod's HTTP API to run a job, how a job stands, and to cancel one. */

import type { Env } from "./settings.ts";

const TIMEOUT_MS = 20_000;

/** What is known after asking RunPod to run a job. */
type Submission =
  | { outcome: "accepted"; id: string }
  /** RunPod has certainly not accepted the job. */
  | { outcome: "refused"; status: number; retryAfterS: number }
  /** RunPod may have accepted the job: the answer was lost, or made no sense. */
  | { outcome: "unknown" };

/** A job as RunPod describes it. */
export interface RunPodJob {
  id: string;
  status: string;
  output: unknown;
  error: unknown;
  /** How long the job waited in the queue, in milliseconds. */
  delayMs: number | undefined;
  /** How long it ran, in milliseconds; the start of a worker is not included. */
  executionMs: number | undefined;
}

type Lookup =
  | { outcome: "found"; job: RunPodJob }
  /** RunPod does not know the job (any more, or yet). */
  | { outcome: "gone" }
  /** RunPod did not answer, or not with a job. */
  | { outcome: "unavailable" };

/** The request for a run. */
interface RunRequest {
  input: unknown;
  webhook: string;
  policy: { executionTimeout: number; ttl: number };
}

/** Asks RunPod to run a job. RunPod has no idempotency key, so this is never tried twice. */
export async function run(env: Env, request: RunRequest): Promise<Submission> {
  const answer = await call(env, "POST", "run", request);
  if (answer === null || answer.status >= 500 || answer.status === 408) return { outcome: "unknown" };
  if (answer.status >= 400) {
    return { outcome: "refused", status: answer.status, retryAfterS: answer.retryAfterS };
  }
  const id = isRecord(answer.body) ? answer.body.id : undefined;
  return isRunPodId(id) ? { outcome: "accepted", id } : { outcome: "unknown" };
}

/** Asks RunPod how a job stands. */
export async function status(env: Env, id: string): Promise<Lookup> {
  const answer = await call(env, "GET", `status/${encodeURIComponent(id)}`);
  if (answer?.status === 404) return { outcome: "gone" };
  if (answer?.status !== 200 || !isRecord(answer.body)) return { outcome: "unavailable" };
  const body = answer.body;
  if (body.id !== id || typeof body.status !== "string") return { outcome: "unavailable" };
  return {
    outcome: "found",
    job: {
      id,
      status: body.status,
      output: body.output,
      error: body.error,
      delayMs: milliseconds(body.delayTime),
      executionMs: milliseconds(body.executionTime),
    },
  };
}

/** Asks RunPod to cancel a job; returns whether RunPod took the request. */
export async function cancel(env: Env, id: string): Promise<boolean> {
  const answer = await call(env, "POST", `cancel/${encodeURIComponent(id)}`);
  return answer !== null && answer.status < 300;
}

/** Returns whether a job has ended; one whose status we do not know has not. */
export function hasEnded(job: RunPodJob): boolean {
  return ["COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"].includes(job.status);
}

/** Returns whether a value from outside can be the id of a RunPod job. */
export function isRunPodId(value: unknown): value is string {
  return typeof value === "string" && /^[\w.-]{1,128}$/.test(value);
}

/** Returns whether a value is an object with string keys. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

interface Answer {
  status: number;
  body: unknown;
  retryAfterS: number;
}

/** Sends a request; returns null if no answer came within 20 s. */
async function call(env: Env, method: string, path: string, body?: unknown): Promise<Answer | null> {
  try {
    const response = await fetch(`${env.RUNPOD_URL}/${env.RUNPOD_ENDPOINT}/${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${env.RUNPOD_API_KEY}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    return { status: response.status, body: parse(text), retryAfterS: retryAfterS(response) };
  } catch {
    return null;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function retryAfterS(response: Response): number {
  const seconds = Number(response.headers.get("Retry-After") ?? "10");
  return Number.isInteger(seconds) && seconds > 0 && seconds <= 3600 ? seconds : 10;
}

function milliseconds(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}
