/** Describes an upload to its user, with presigned URLs for what is still to be sent, or of the file. */

import type { z } from "@hono/zod-openapi";
import { presignPart } from "./multipart.ts";
import type { Env } from "./settings.ts";
import { presignGet, presignPut } from "./storage.ts";
import { partsOf } from "./upload_parts.ts";
import { PARTS_PAGE, type UploadBody } from "./upload_schemas.ts";
import { keptUntil, type Upload } from "./uploads.ts";

/** How long the URL of an upload in one PUT is valid, in seconds. It must be valid when the PUT starts. */
const PUT_URL_S = 3600;
/** How long the URLs of parts are valid, in seconds: within it 100 parts of 16 MiB pass at 0.7 Mbit/s. */
const PART_URL_S = 6 * 3600;
/** How long the link to the file of a complete upload is valid, in seconds. */
const SOURCE_URL_S = 3600;

/** Returns the fields that the answer about every upload has. */
export function uploadBody(upload: Upload): z.infer<typeof UploadBody> {
  if (upload.state === "deleted") throw new Error("a deleted upload is not shown");
  const { id, name, content_type, bytes, state, created_at } = upload;
  return { id, name, content_type, bytes, state, created_at, kept_until: keptUntil(upload) };
}

/** Returns a complete upload with a link to its file. */
export async function completeUploadBody(env: Env, upload: Upload): Promise<z.infer<typeof UploadBody>> {
  const source_url = await presignGet(env, upload.object_key, SOURCE_URL_S);
  return { ...uploadBody(upload), source_url, source_url_expires_at: Date.now() + SOURCE_URL_S * 1000 };
}

/** Returns an open upload with URLs for what is missing from part `from` on. */
export async function openUploadBody(
  env: Env,
  upload: Upload,
  uploaded: number[],
  from: number,
): Promise<z.infer<typeof UploadBody>> {
  const { object_key: key, content_type: contentType, bytes, part_bytes, multipart_id } = upload;
  const now = Date.now();
  if (part_bytes === null || multipart_id === null) {
    const url = await presignPut(env, key, PUT_URL_S, { contentType, bytes });
    const headers = { "Content-Type": contentType };
    return { ...uploadBody(upload), method: "put", url, headers, expires_at: now + PUT_URL_S * 1000 };
  }
  const present = new Set(uploaded);
  const missing = partsOf(bytes, part_bytes).filter(({ number }) => number >= from && !present.has(number));
  const parts = await Promise.all(
    missing.slice(0, PARTS_PAGE).map(async (part) => ({
      ...part,
      url: await presignPart(env, key, multipart_id, part, PART_URL_S),
    })),
  );
  return {
    ...uploadBody(upload),
    method: "parts",
    part_bytes,
    parts,
    uploaded,
    next: missing[PARTS_PAGE]?.number ?? null,
    expires_at: now + PART_URL_S * 1000,
  };
}
