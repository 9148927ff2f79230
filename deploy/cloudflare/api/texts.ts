/** Defines the texts that requests may hold. */

import { z } from "@hono/zod-openapi";

/** The name of a user, as the operator gives it. */
export const UserName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$/,
    "1 to 100 letters, digits and ._@+- that begin with a letter or digit",
  )
  .openapi({ example: "ada" });

/** Text of one line and at most `length` characters, without control characters. */
export function plainText(length: number) {
  return z
    .string()
    .max(length)
    .regex(/^\P{Cc}*$/u, "one line without control characters");
}
