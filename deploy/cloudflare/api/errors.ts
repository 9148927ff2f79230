/** Defines the errors that the API answers with, and their JSON. */

import { z } from "@hono/zod-openapi";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { ERROR_CODES, type ErrorCode } from "./error_codes.ts";

export const ErrorBody = z
  .object({
    error: z
      .object({
        code: z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]).openapi({
          description: `A stable name for programs. ${Object.entries(ERROR_CODES)
            .map(([code, meaning]) => `\`${code}\`: ${meaning}`)
            .join(" ")}`,
          example: "not_enough_money",
        }),
        message: z.string().openapi({ description: "What was wrong and what to do, for a person." }),
        retryable: z
          .boolean()
          .openapi({ description: "Whether the same request may succeed later, unchanged." }),
      })
      .openapi({ description: "Why the request failed." }),
  })
  .openapi("Error");

/** An error that is answered as JSON: `{"error": {"code", "message", "retryable"}}`. */
export class ApiError extends Error {
  readonly status: ContentfulStatusCode;
  readonly code: ErrorCode;
  readonly retryAfterS: number | undefined;

  /**
   * @param status the HTTP status.
   * @param code a stable name for programs.
   * @param message what was wrong and what to do.
   * @param retryAfterS if given, the same request may succeed after so many seconds.
   */
  constructor(status: ContentfulStatusCode, code: ErrorCode, message: string, retryAfterS?: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterS = retryAfterS;
  }

  get body(): z.infer<typeof ErrorBody> {
    return { error: { code: this.code, message: this.message, retryable: this.retryAfterS !== undefined } };
  }
}

/** Returns the error for a request whose value is wrong; the message names the value. */
export function badRequest(message: string): ApiError {
  return new ApiError(400, "bad_request", message);
}
