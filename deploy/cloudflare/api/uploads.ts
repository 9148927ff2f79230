/** Reads and changes the rows of uploads. */

import { ApiError, badRequest } from "./errors.ts";
import type { Env } from "./settings.ts";

/**
 * How long a file can be used, in milliseconds from the creation of its upload: 6 days. Storage deletes it after 7
 * (r2-lifecycle.json), so that a job that starts on the last day still finds it.
 */
const KEPT_MS = 6 * 86_400_000;
/** How many uploads of one user may be open at once. */
const MAX_OPEN = 100;
/** How many bytes the uploads of one user may have together, open and complete. Storage costs us money. */
const MAX_KEPT_BYTES = 200 * 2 ** 30;

/** A row of the table `uploads`. */
export interface Upload {
  id: string;
  user_id: string;
  /** The name of the file as the user has it, safe to save under. */
  name: string;
  object_key: string;
  content_type: string;
  bytes: number;
  /** The size of all parts but the last, or null for an upload in one PUT. */
  part_bytes: number | null;
  /** The store's id of the multipart upload, or null for an upload in one PUT. */
  multipart_id: string | null;
  state: "open" | "complete" | "deleted";
  /** Milliseconds since 1970. */
  created_at: number;
  completed_at: number | null;
}

/** Returns until when a file can be used, in milliseconds since 1970. */
export function keptUntil(upload: Upload): number {
  return upload.created_at + KEPT_MS;
}

/** Returns the query for an upload of this user, open or complete; not if it was deleted or is too old. */
export function uploadQuery(
  env: Env,
  userId: string,
  column: "id" | "object_key",
  value: string,
): D1PreparedStatement {
  return env.DB.prepare(
    `SELECT * FROM uploads WHERE ${column} = ? AND user_id = ? AND state <> 'deleted' AND created_at > ?`,
  ).bind(value, userId, Date.now() - KEPT_MS);
}

/**
 * Returns an upload of this user, open or complete.
 *
 * @throws ApiError 404 if there is none, or if it was deleted or is too old.
 */
export async function requireUpload(env: Env, userId: string, uploadId: string): Promise<Upload> {
  const upload = await uploadQuery(env, userId, "id", uploadId).first<Upload>();
  if (upload === null) throw noSuchUpload();
  return upload;
}

/** @throws ApiError 400 if an upload is a document of tracks, which no job can have as its input. */
export function requireVideo(upload: Upload): void {
  if (upload.content_type === "application/json") {
    throw badRequest(`${upload.id} is a JSON document: the input of a job is a video`);
  }
}

/** The one answer for uploads that do not exist, are deleted, or belong to somebody else. */
export function noSuchUpload(): ApiError {
  return new ApiError(
    404,
    "upload_not_found",
    "you have no such upload: it may have been deleted, or be too old",
  );
}

/** @throws ApiError 409 if the user has too many open uploads, or too many bytes in all. */
export async function insertUpload(env: Env, upload: Upload): Promise<void> {
  const { meta } = await env.DB.prepare(
    `INSERT INTO uploads
       (id, user_id, name, object_key, content_type, bytes, part_bytes, multipart_id, state, created_at)
     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'open', ?9
     WHERE (SELECT COUNT(*) FROM uploads WHERE user_id = ?2 AND state = 'open' AND created_at > ?10) < ?11
       AND (SELECT COALESCE(SUM(bytes), 0) FROM uploads WHERE user_id = ?2 AND state <> 'deleted' AND created_at > ?10)
         <= ?12 - ?6`,
  )
    .bind(
      upload.id,
      upload.user_id,
      upload.name,
      upload.object_key,
      upload.content_type,
      upload.bytes,
      upload.part_bytes,
      upload.multipart_id,
      upload.created_at,
      upload.created_at - KEPT_MS,
      MAX_OPEN,
      MAX_KEPT_BYTES,
    )
    .run();
  if (meta.changes === 0) {
    throw new ApiError(
      409,
      "too_many_uploads",
      `you may have ${MAX_OPEN} open uploads, and files of ${MAX_KEPT_BYTES / 2 ** 30} GiB in all: complete some uploads, ` +
        "or delete some (GET /uploads lists them, DELETE /uploads/ID deletes one)",
    );
  }
}

/**
 * Marks an open upload as complete, and returns its row as it is then.
 *
 * @throws ApiError 404 if it was deleted meanwhile.
 */
export async function markComplete(env: Env, upload: Upload): Promise<Upload> {
  const [, rows] = await env.DB.batch<Upload>([
    env.DB.prepare(
      "UPDATE uploads SET state = 'complete', completed_at = ? WHERE id = ? AND state = 'open'",
    ).bind(Date.now(), upload.id),
    env.DB.prepare("SELECT * FROM uploads WHERE id = ? AND state = 'complete'").bind(upload.id),
  ]);
  const row = rows?.results[0];
  if (row === undefined) throw noSuchUpload();
  return row;
}

/** Marks an upload as deleted if it is still open. */
export async function markMismatched(env: Env, upload: Upload): Promise<void> {
  await env.DB.prepare("UPDATE uploads SET state = 'deleted' WHERE id = ? AND state = 'open'")
    .bind(upload.id)
    .run();
}

/**
 * Marks an upload of this user as deleted, unless it is so already, and returns its row.
 *
 * @throws ApiError 404 if the user has no such upload, or 409 if a job that has not ended uses it.
 */
export async function markDeleted(env: Env, userId: string, uploadId: string): Promise<Upload> {
  const [, rows] = await env.DB.batch<Upload>([
    env.DB.prepare(
      `UPDATE uploads SET state = 'deleted' WHERE id = ? AND user_id = ? AND state <> 'deleted'
       AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.upload_id = uploads.id AND jobs.ended_at IS NULL)`,
    ).bind(uploadId, userId),
    env.DB.prepare("SELECT * FROM uploads WHERE id = ? AND user_id = ?").bind(uploadId, userId),
  ]);
  const row = rows?.results[0];
  if (row === undefined) throw noSuchUpload();
  if (row.state !== "deleted") {
    throw new ApiError(
      409,
      "upload_in_use",
      "a job that has not ended uses this upload: cancel the job, or wait",
    );
  }
  return row;
}

/** Returns up to `limit` uploads of a user that can be used, the newest first, after a time and an id. */
export async function listUploads(
  env: Env,
  userId: string,
  [createdAt, id]: [createdAt: number, id: string],
  limit: number,
): Promise<Upload[]> {
  const { results } = await env.DB.prepare(
    `SELECT * FROM uploads WHERE user_id = ? AND state <> 'deleted' AND created_at > ?
     AND (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ?`,
  )
    .bind(userId, Date.now() - KEPT_MS, createdAt, id, limit)
    .all<Upload>();
  return results;
}
