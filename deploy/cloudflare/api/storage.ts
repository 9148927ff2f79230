/**
 * Signs URLs of objects in R2, and reads, writes and deletes objects, through the S3 API.
 *
 * The R2 binding is not used: locally it is another store than the S3 server that URLs are signed for.
 */

import { AwsClient, AwsV4Signer } from "aws4fetch";
import { contentDisposition } from "./content_disposition.ts";
import { ApiError } from "./errors.ts";
import type { Env } from "./settings.ts";

/** How long a request to the store may take in all, with its retries, in milliseconds. */
const DEADLINE_MS = 15_000;
/** How often a request that got 429 or 5xx is sent again. */
const RETRIES = 2;

/** The keys that aws4fetch derives from the secret, one for each day. */
const SIGNING_KEYS = new Map<string, ArrayBuffer>();

/** What HEAD says of an object. */
interface StoredObject {
  bytes: number;
  contentType: string;
  etag: string;
  /** When it was written, in milliseconds since 1970, to the second. */
  modifiedAt: number;
}

/**
 * The keys of objects. Lifecycle rules match by literal prefix, so the kind of object comes first: `in/` for
 * uploads, `out/` for results. See r2-lifecycle.json.
 */
const OBJECT_KEY = /^(?:in\/user_[0-9a-f]{32}\/up|out\/user_[0-9a-f]{32}\/job)_[0-9a-f]{32}\.[a-z0-9]{1,8}$/;

/** The keys of films: the plan of a job, and the pieces of an upload, which all jobs that follow the same plan share. */
const FILM_KEY =
  /^film\/user_[0-9a-f]{32}\/(?:job_[0-9a-f]{32}\.[0-9]{1,4}\.json|up_[0-9a-f]{32}\/[0-9a-f]{64}\/[0-9]{1,4}\.piece)$/;

/** Returns the key of an uploaded file; `extension` has no dot. */
export function inputKey(userId: string, uploadId: string, extension: string): string {
  return checkedKey(`in/${userId}/${uploadId}.${extension}`);
}

/** Returns the key of a job's result; `extension` has no dot. */
export function outputKey(userId: string, jobId: string, extension: string): string {
  return checkedKey(`out/${userId}/${jobId}.${extension}`);
}

/** Returns the key of a job's preview, which lies beside its result. */
export function previewKey(outputKey: string): string {
  return checkedKey(outputKey).replace(/\.[a-z0-9]+$/, ".preview.json");
}

/** Returns the key of the plan that a run of a film's plan job writes. */
export function planKey(userId: string, jobId: string, run: number): string {
  return checkedKey(`film/${userId}/${jobId}.${run}.json`, FILM_KEY);
}

/** Returns the key of a piece: the segment `number` of an upload, made by the plan with this hash. */
export function pieceKey(userId: string, uploadId: string, planHash: string, number: number): string {
  return checkedKey(`film/${userId}/${uploadId}/${planHash}/${number}.piece`, FILM_KEY);
}

function checkedKey(key: string, pattern = OBJECT_KEY): string {
  if (!pattern.test(key))
    throw new Error("an object key consists of ids and an extension that the API has made");
  return key;
}

/**
 * Returns the key of the object that a URL names if it is in the bucket of the API, otherwise null.
 *
 * Only the spelling that this module signs is accepted: the endpoint's origin, the bucket and a key, then
 * perhaps a query, which is ignored. Keys consist of characters that no parser decodes or normalizes, so there
 * is nothing to parse: the URL either begins with exactly these characters or is refused.
 */
export function keyOfBucketUrl(env: Env, url: string): string | null {
  const prefix = `${bucketUrl(env)}/`;
  if (!url.startsWith(prefix) || !/^[\x21-\x22\x24-\x7e]*$/.test(url)) return null;
  const key = url.slice(prefix.length).split("?", 1)[0] ?? "";
  return OBJECT_KEY.test(key) ? key : null;
}

/**
 * Returns a URL for GET that is valid for `expiresS` seconds (1 to 604,800).
 *
 * With `downloadName` a browser saves the file under that name, which may be anything a user typed. With
 * `contentType` the answer has that type, whatever the object has.
 */
export async function presignGet(
  env: Env,
  key: string,
  expiresS: number,
  options: { downloadName?: string; contentType?: string } = {},
): Promise<string> {
  const query: Record<string, string> = {};
  if (options.downloadName !== undefined) {
    query["response-content-disposition"] = contentDisposition(options.downloadName);
  }
  if (options.contentType !== undefined) query["response-content-type"] = options.contentType;
  return await presign(env, "GET", key, expiresS, query, {});
}

/**
 * Returns a URL for PUT that is valid for `expiresS` seconds (1 to 604,800).
 *
 * The request must send exactly this content type and, if `bytes` is given, this length. With `onlyNew` it cannot
 * replace an object: it must send `If-None-Match: *`.
 */
export async function presignPut(
  env: Env,
  key: string,
  expiresS: number,
  headers: { contentType: string; bytes?: number; onlyNew?: boolean },
): Promise<string> {
  const signed: Record<string, string> = { "content-type": headers.contentType };
  if (headers.onlyNew === true) signed["if-none-match"] = "*";
  if (headers.bytes !== undefined) signed["content-length"] = String(headers.bytes);
  return await presign(env, "PUT", key, expiresS, {}, signed);
}

/**
 * Returns a presigned URL for any method.
 *
 * @param query further parameters, which are signed.
 * @param headers the headers that the request must send, in lower case; `host` is always signed.
 */
export async function presign(
  env: Env,
  method: string,
  key: string,
  expiresS: number,
  query: Record<string, string>,
  headers: Record<string, string>,
): Promise<string> {
  const url = objectUrl(env, key, { ...query, "X-Amz-Expires": String(expiresS) });
  const { url: signed } = await new AwsV4Signer({
    ...credentials(env),
    method,
    url,
    headers,
    signQuery: true,
    allHeaders: true,
  }).sign();
  // URLSearchParams writes a space as "+", which S3 servers may read as a plus sign; a plus sign is already %2B.
  return signed.href.replaceAll("+", "%20");
}

/** Returns size, type, ETag and age of an object, or null if there is none. */
export async function headObject(env: Env, key: string): Promise<StoredObject | null> {
  const response = await storageRequest(env, "HEAD", key);
  if (response.status === 404) return null;
  await requireSuccess(response);
  const length = response.headers.get("content-length");
  if (length === null || !/^\d+$/.test(length)) throw refused("the size of an object is missing");
  return {
    bytes: Number(length),
    contentType: response.headers.get("content-type") ?? "",
    etag: response.headers.get("etag") ?? "",
    modifiedAt: Date.parse(response.headers.get("last-modified") ?? ""),
  };
}

/** Writes an object; an existing one is replaced. */
export async function putObject(
  env: Env,
  key: string,
  body: string | Uint8Array<ArrayBuffer>,
  contentType: string,
): Promise<void> {
  const headers = { "content-type": contentType };
  await requireSuccess(await storageRequest(env, "PUT", key, { body, headers }));
}

/** Deletes an object; one that does not exist is no error. */
export async function deleteObject(env: Env, key: string): Promise<void> {
  const response = await storageRequest(env, "DELETE", key);
  if (response.status !== 404) await requireSuccess(response);
}

/** What else a request to the store has. */
interface RequestOptions {
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: string | Uint8Array<ArrayBuffer>;
  deadlineMs?: number;
}

/**
 * Sends a signed request to the store and returns its answer, whatever its status below 500 is.
 *
 * @throws ApiError 503 if the store does not answer in time, or answers 429 or 5xx to each try.
 */
export async function storageRequest(
  env: Env,
  method: string,
  key: string,
  options: RequestOptions = {},
): Promise<Response> {
  const client = new AwsClient({ ...credentials(env), retries: 0 });
  const signal = AbortSignal.timeout(options.deadlineMs ?? DEADLINE_MS);
  for (let failures = 0; ; failures++) {
    let response: Response | null = null;
    try {
      const request = await client.sign(objectUrl(env, key, options.query ?? {}), {
        method,
        headers: options.headers ?? {},
        body: options.body ?? null,
      });
      // Without this header R2 may compress an answer and then not tell the object's size. It is added after
      // signing, because Cloudflare's own proxies change it on the way.
      request.headers.set("accept-encoding", "identity");
      response = await fetch(request, { signal });
    } catch {
      // The network failed, or the deadline has passed.
    }
    if (response !== null && response.status < 500 && response.status !== 429) return response;
    await response?.body?.cancel();
    if (failures === RETRIES || signal.aborted) throw unavailable();
    await scheduler.wait(100 * 2 ** failures * Math.random());
  }
}

/** @throws ApiError 502 unless the status is 2xx. The body is discarded. */
export async function requireSuccess(response: Response): Promise<void> {
  await response.body?.cancel();
  if (!response.ok) throw refused(`it answered ${response.status}`);
}

/** Returns the error for a store that does not work at the moment. */
export function unavailable(): ApiError {
  return new ApiError(503, "storage_unavailable", "the file storage does not answer: try again shortly", 5);
}

/** Returns the error for a store that refuses what it should accept, such as after a mistake in the settings. */
export function refused(what: string): ApiError {
  return new ApiError(502, "storage_refused", `the file storage refused a request of the API: ${what}`, 60);
}

function credentials(env: Env) {
  return {
    accessKeyId: env.S3_ACCESS_KEY_ID,
    secretAccessKey: env.S3_SECRET_ACCESS_KEY,
    service: "s3",
    region: "auto",
    cache: SIGNING_KEYS,
  };
}

function bucketUrl(env: Env): string {
  return `${new URL(env.S3_ENDPOINT).origin}/${env.S3_BUCKET}`;
}

function objectUrl(env: Env, key: string, query: Record<string, string>): string {
  const search = new URLSearchParams(query).toString();
  return `${bucketUrl(env)}/${key}${search === "" ? "" : `?${search}`}`;
}
