/** Creates, lists, completes and aborts multipart uploads through the S3 API, and signs the URLs of their parts. */

import type { Env } from "./settings.ts";
import { presign, refused, requireSuccess, storageRequest, unavailable } from "./storage.ts";

/** How long CompleteMultipartUpload may take, in milliseconds: the store joins up to thousands of parts. */
const COMPLETE_DEADLINE_MS = 60_000;

/** A part as the store describes it, or as a client names it. */
export interface Part {
  number: number;
  etag: string;
}

/** A part that the store has. */
interface StoredPart extends Part {
  bytes: number;
}

/** Starts a multipart upload and returns the store's id of it. */
export async function createMultipart(env: Env, key: string, contentType: string): Promise<string> {
  const headers = { "content-type": contentType };
  const response = await storageRequest(env, "POST", key, { query: { uploads: "" }, headers });
  const xml = await textOf(response);
  const id = response.ok ? element(xml, "UploadId") : null;
  if (id === null) throw refused(`it answered ${response.status} to CreateMultipartUpload`);
  return id;
}

/** Returns a URL for the PUT of one part, which must have exactly `bytes` bytes. */
export async function presignPart(
  env: Env,
  key: string,
  multipartId: string,
  part: { number: number; bytes: number },
  expiresS: number,
): Promise<string> {
  const query = { partNumber: String(part.number), uploadId: multipartId };
  return await presign(env, "PUT", key, expiresS, query, { "content-length": String(part.bytes) });
}

/** Returns the parts that the store has, in order, or null if it does not know the upload (any more). */
export async function listParts(env: Env, key: string, multipartId: string): Promise<StoredPart[] | null> {
  const parts: StoredPart[] = [];
  for (;;) {
    const marker = String(parts.at(-1)?.number ?? 0);
    const query = { uploadId: multipartId, "part-number-marker": marker };
    const response = await storageRequest(env, "GET", key, { query });
    const xml = await textOf(response);
    if (response.status === 404) return null;
    if (!response.ok) throw refused(`it answered ${response.status} to ListParts`);
    const page = [...xml.matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = ""]) => ({
      number: Number(element(part, "PartNumber")),
      etag: element(part, "ETag") ?? "",
      bytes: Number(element(part, "Size")),
    }));
    parts.push(...page);
    if (page.length === 0 || element(xml, "IsTruncated") !== "true") return parts;
  }
}

/**
 * Joins the parts to an object.
 *
 * @returns null if the store has joined them, otherwise the code of its error, such as NoSuchUpload, which it also
 *   answers where another request has joined them, or InvalidPart.
 * @throws ApiError 503 if the store does not answer, or answers InternalError with status 200, which it may do.
 */
export async function completeMultipart(
  env: Env,
  key: string,
  multipartId: string,
  parts: readonly Part[],
): Promise<string | null> {
  const body = `<CompleteMultipartUpload>${parts.map(partXml).join("")}</CompleteMultipartUpload>`;
  const response = await storageRequest(env, "POST", key, {
    query: { uploadId: multipartId },
    headers: { "content-type": "application/xml" },
    body,
    deadlineMs: COMPLETE_DEADLINE_MS,
  });
  const xml = await textOf(response);
  if (response.ok && xml.includes("<CompleteMultipartUploadResult")) return null;
  const code = element(xml, "Code");
  if (response.ok && (code === null || RETRYABLE_CODES.has(code))) throw unavailable();
  return code ?? `status ${response.status}`;
}

/** Deletes the parts of an upload; one that the store does not know is no error. */
export async function abortMultipart(env: Env, key: string, multipartId: string): Promise<void> {
  const response = await storageRequest(env, "DELETE", key, { query: { uploadId: multipartId } });
  if (response.status !== 404) await requireSuccess(response);
}

const RETRYABLE_CODES = new Set(["InternalError", "ServiceUnavailable", "SlowDown", "RequestTimeout"]);

function partXml(part: Part): string {
  const etag = part.etag.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return `<Part><PartNumber>${part.number}</PartNumber><ETag>${etag}</ETag></Part>`;
}

/** Returns the text in the first element of a name without attributes, or null. S3's answers are that simple. */
function element(xml: string, name: string): string | null {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text === undefined ? null : unescaped(text);
}

const ENTITIES: Record<string, string> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  "#34": '"',
  "#39": "'",
};

function unescaped(text: string): string {
  return text.replace(/&([a-z]+|#\d+);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}

async function textOf(response: Response): Promise<string> {
  try {
    return await response.text();
  } catch {
    throw unavailable();
  }
}
