/** Describes the responses and the bodies of routes, for the OpenAPI document. */

import { ErrorBody } from "./errors.ts";

/** Returns the description of a response, or of a request's body, in JSON. */
export function json<T>(description: string, schema: T) {
  return { description, content: { "application/json": { schema } } };
}

/** Returns the description of a response with an error. */
export function error(description: string) {
  return json(description, ErrorBody);
}

/** Returns the description of a request's body, which must be there. */
export function requiredJson<T>(schema: T) {
  return { required: true, content: { "application/json": { schema } } };
}
