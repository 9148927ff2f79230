/** Reads the body of a request, and refuses one that is too large or is not plain JSON. */

import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../context.ts";
import { ApiError, badRequest } from "../errors.ts";

/**
 * The largest body that a request may have, in bytes. The largest that a route needs is an export with its tracks in
 * it; a longer document is uploaded, and `tracks` is its URL.
 */
export const MAX_BODY_BYTES = 256 * 1024;
/** How much of a larger body is read and thrown away: many clients read the answer only when they have sent all. */
const MAX_DISCARDED_BYTES = 16 * 1024 * 1024;
/** How many levels of objects and lists a body may have; the same as DEEPEST in orchestrator/executor/validate_job.py. */
const MAX_DEPTH = 32;

/**
 * Reads the body whole, checks it, and hands a copy to the route.
 *
 * The webhook reads its own body, and only if it must: RunPod's repeats the job and its output, up to 30 MB.
 *
 * @throws ApiError 400 if the body is not UTF-8 or not JSON, nests too deep, or holds a number or a text that
 *   others would read differently.
 * @throws ApiError 413 if it is larger than MAX_BODY_BYTES.
 * @throws ApiError 415 if its Content-Type is not JSON in UTF-8, or it is compressed.
 */
export const readBody = createMiddleware<AppEnv>(async (c, next) => {
  const request = c.req.raw;
  if (request.body === null || c.req.path.startsWith("/webhook/")) return await next();
  const bytes = await readAtMost(request.body, MAX_BODY_BYTES);
  if (request.method === "GET" || request.method === "HEAD") {
    if (bytes.length > 0) throw badRequest(`a ${request.method} request has no body`);
    return await next();
  }
  if (bytes.length > 0) {
    checkHeaders(request.headers);
    checkValue(parse(bytes));
  }
  c.req.raw = new Request(request, { body: bytes });
  await next();
});

async function readAtMost(body: ReadableStream<Uint8Array>, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length <= limit) chunks.push(chunk);
    else if (length > MAX_DISCARDED_BYTES) break;
  }
  if (length > limit) {
    throw new ApiError(413, "too_large", `a body may have ${limit} bytes at most; give long tracks as a URL`);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function checkHeaders(headers: Headers): void {
  const type = headers.get("Content-Type") ?? "";
  if (!/^application\/json *(; *charset="?utf-8"?)? *$/i.test(type)) {
    throw new ApiError(415, "unsupported_media_type", "the body must have Content-Type: application/json");
  }
  if (headers.has("Content-Encoding")) {
    throw new ApiError(415, "unsupported_media_type", "the body must have no Content-Encoding");
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw badRequest("the body is not JSON in UTF-8");
  }
}

/**
 * Refuses what JavaScript, SQLite or the worker would each read in their own way.
 *
 * @param place the names that lead to the value.
 */
function checkValue(value: unknown, place: string[] = []): void {
  if (typeof value === "string") checkText(value, place);
  if (typeof value === "number" && !Number.isFinite(value)) refuse(place, "the number is too large");
  if (typeof value !== "object" || value === null) return;
  if (place.length === MAX_DEPTH) throw badRequest(`the body nests deeper than ${MAX_DEPTH} levels`);
  for (const [field, member] of Object.entries(value)) {
    if (field === "__proto__") refuse([field], "there is no such field");
    checkText(field, place);
    checkValue(member, [...place, field]);
  }
}

function checkText(text: string, place: string[]): void {
  if (!text.isWellFormed()) refuse(place, "the text holds half a surrogate pair");
  if (text.includes("\0")) refuse(place, "the text holds the character NUL");
}

function refuse(place: string[], reason: string): never {
  throw badRequest(`${place.length === 0 ? "the body" : place.join(".").slice(0, 200)}: ${reason}`);
}
