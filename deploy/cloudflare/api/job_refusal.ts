/** Words the errors of the generated validator for a person: which field of `params` is wrong, and what to give. */

import type { ErrorObject } from "ajv";

/** The longest part of a value that a message repeats, in characters. */
const MAX_VALUE_LENGTH = 60;

/** Field names that are shown; any other is called "(a name)", as it may hold anything. */
const SHOWN_NAME = /^\w{1,40}$/;

const NOUNS: Record<string, string> = {
  array: "a list",
  boolean: "true or false",
  integer: "a whole number",
  null: "null",
  number: "a number",
  object: "an object",
  string: "a text",
};

/**
 * Returns a sentence that names the field that is wrong, and says how.
 *
 * A value that may be of several kinds has an error for each of them. The one that concerns the deepest field
 * says most, and an error of the value says more than one of its kind.
 *
 * @param errors the errors of a value; at least one, made by a validator with `verbose`.
 */
export function refusal(errors: ErrorObject[]): string {
  const causes = errors.filter((error) => !["anyOf", "oneOf", "if"].includes(error.keyword));
  const depth = Math.max(...causes.map((error) => pathOf(error).length));
  const deepest = causes.filter((error) => pathOf(error).length === depth);
  const [first] = deepest.filter((error) => !["type", "const"].includes(error.keyword));
  return first === undefined ? wrongKind(deepest) : sentence(first);
}

/** Returns the names that lead from `params` to the field that an error concerns. */
function pathOf(error: ErrorObject): string[] {
  const path = error.instancePath
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  const named = error.params.missingProperty ?? error.params.additionalProperty;
  return ["params", ...path, ...(named === undefined ? [] : [String(named)])];
}

function fieldName(error: ErrorObject): string {
  return pathOf(error)
    .map((name) => (SHOWN_NAME.test(name) ? name : "(a name)"))
    .join(".");
}

function sentence(error: ErrorObject): string {
  switch (error.keyword) {
    case "required":
      return `${fieldName(error)} is missing`;
    case "additionalProperties":
      return `${fieldName(error)} is not known here: check its spelling, or leave it out`;
    default:
      return `${fieldName(error)} ${valueText(error.data)}is refused: ${reason(error)}`;
  }
}

function wrongKind(errors: ErrorObject[]): string {
  const kinds = errors.map((error) =>
    error.keyword === "const"
      ? JSON.stringify(error.schema)
      : (NOUNS[String(error.schema)] ?? "another kind"),
  );
  const wanted = kinds.filter((kind, index) => kind !== "null" && kinds.indexOf(kind) === index);
  const [error] = errors as [ErrorObject];
  return `${fieldName(error)} ${valueText(error.data)}is refused: give ${(wanted.length > 0 ? wanted : kinds).join(" or ")}`;
}

function reason(error: ErrorObject): string {
  const limit = error.params.limit;
  switch (error.keyword) {
    case "minimum":
      return `give ${limit} or more`;
    case "exclusiveMinimum":
      return `give more than ${limit}`;
    case "maximum":
      return `give ${limit} or less`;
    case "maxLength":
      return `it may have at most ${limit} characters`;
    case "minItems":
      return `it must have at least ${limit} entries`;
    case "maxItems":
      return `it may have at most ${limit} entries`;
    case "enum":
      return `give ${(error.schema as unknown[]).map((value) => JSON.stringify(value)).join(", ")}`;
    default:
      return String((error.parentSchema as { $comment?: string }).$comment ?? error.message);
  }
}

/** Returns a value for a message, shortened; nothing if it is an object, or may hold the signature of a URL. */
function valueText(value: unknown): string {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return "";
  const text = JSON.stringify(value) ?? "";
  if (text.includes("://")) return "";
  return text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH)}... ` : `${text} `;
}
