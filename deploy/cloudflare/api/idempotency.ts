/** Defines the header Idempotency-Key. */

import { z } from "@hono/zod-openapi";

/** The headers of a route that needs an Idempotency-Key. Two such headers in one request arrive with a comma between them. */
export const IdempotencyHeaders = z.object({
  "idempotency-key": z
    .string("the header Idempotency-Key is missing")
    .regex(
      /^[\x21-\x2b\x2d-\x7e]{1,200}$/,
      "1 to 200 visible ASCII characters without a comma, and one such header",
    )
    .openapi({
      description:
        "A new random text for each new request; the same text again when the request is repeated.",
      example: "2c1f7a58-5a3e-4c0b-9a59-3f7e4f1f8f0b",
    }),
});
