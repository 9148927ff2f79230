/** Says what is wrong with a field of a request, where its schema has no words of its own. */

import { z } from "@hono/zod-openapi";

const KINDS: Record<string, string> = {
  array: "a list",
  boolean: "true or false",
  int: "a whole number",
  number: "a number",
  object: "an object",
  string: "a text",
};
const UNITS: Record<string, string> = { array: "item", string: "character" };

/** Makes every schema use these messages: they say what to give, as those of the job validator do. */
export function setOwnMessages(): void {
  z.config({ customError: message });
}

function message(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === "invalid_type") {
    return issue.input === undefined
      ? "this field is missing"
      : `give ${KINDS[issue.expected] ?? issue.expected}`;
  }
  if (issue.code === "invalid_value") return `give one of ${issue.values.map(String).join(", ")}`;
  if (issue.code === "too_big") return `give at most ${amount(issue.maximum, issue.origin)}`;
  if (issue.code === "too_small") return `give at least ${amount(issue.minimum, issue.origin)}`;
  return undefined;
}

function amount(count: number | bigint, origin: string): string {
  const unit = UNITS[origin];
  return unit === undefined ? `${count}` : `${count} ${unit}${count === 1 ? "" : "s"}`;
}
