/** Defines the texts that requests may hold. */

import { z } from "@hono/zod-openapi";

/** The name of a user, as the operator gives it. */
export const UserName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$/,
    "1 to 100 letters, digits and ._@+- that begin with a letter or digit",
  )
  .openapi({ description: "The name of the user.", example: "ada" });

/** A user, as answers name them. */
export const ShownUser = z
  .object({
    id: z.string().openapi({ description: "The id of the user." }),
    name: z.string().openapi({ description: "The name of the user." }),
  })
  .openapi({ description: "The user." });

/** Text of one line and at most `length` characters, without control characters. */
export function plainText(length: number) {
  return z
    .string()
    .max(length)
    .regex(/^\P{Cc}*$/u, "one line without control characters")
    .openapi({ pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f]*$" });
}
