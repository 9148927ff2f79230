/** Calls the API with types from its OpenAPI document, and turns its errors into one class. */

import createClient from "openapi-fetch";
import { noteAnswer } from "../state/session.ts";
import type { components, paths } from "./schema.d.ts";

type Schemas = components["schemas"];
export type ListedJob = Schemas["ListedJob"];
export type JobState = Schemas["JobState"];
export type JobError = NonNullable<Schemas["JobError"]>;
export type Progress = NonNullable<Schemas["Progress"]>;
export type Job = Schemas["Job"];
export type Quote = Schemas["Quote"];
export type Terms = Schemas["Terms"];
export type Upload = Schemas["Upload"];
export type Wallet = Schemas["Wallet"];
export type Entry = Schemas["Entry"];
export type TaskName = Job["task"];

/** The address of the API: this page's own origin, unless it was built for a host of its own. */
export const API_URL: string = import.meta.env.VITE_API_URL ?? "";

export const api = createClient<paths>({
  baseUrl: API_URL || window.location.origin,
  credentials: API_URL === "" ? "same-origin" : "include",
});
// A wrong key says nothing about the session.
api.use({
  onResponse: ({ schemaPath, response }) => {
    if (schemaPath !== "/session") noteAnswer(response.status);
  },
});

/** The API refused a request, or could not be reached. */
export class ApiFailure extends Error {
  /** The HTTP status; 0 if no answer came. */
  readonly status: number;
  /** The API's error code; `offline` if no answer came. */
  readonly code: string;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** After how many seconds to try again, if the API says so. */
  readonly retryAfterS: number | null;

  constructor(status: number, code: string, message: string, retryable: boolean, retryAfterS: number | null) {
    super(message);
    this.name = "ApiFailure";
    this.status = status;
    this.code = code;
    this.retryable = retryable;
    this.retryAfterS = retryAfterS;
  }
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/**
 * Returns what a request of `api` answers.
 *
 * @throws ApiFailure the API refused the request, or no answer came.
 */
export async function answerOf<T>(request: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await request;
  } catch {
    throw new ApiFailure(0, "offline", "Framewright cannot be reached. Check your connection.", true, null);
  }
  const { data, error, response } = answer;
  if (response.ok) return data as T;
  const body = (error as { error?: { code?: string; message?: string; retryable?: boolean } } | undefined)
    ?.error;
  const after = Number(response.headers.get("Retry-After") ?? Number.NaN);
  throw new ApiFailure(
    response.status,
    body?.code ?? "unknown",
    body?.message ?? `The server answered with status ${response.status}.`,
    body?.retryable ?? response.status >= 500,
    Number.isFinite(after) ? after : null,
  );
}
