/** Defines the JSON of requests and answers about uploads. */

import { z } from "@hono/zod-openapi";
import { MEDIA_TYPES } from "./media_types.ts";
import { Next } from "./pages.ts";
import { MAX_UPLOAD_BYTES, SINGLE_PUT_BYTES } from "./upload_parts.ts";

/** How many URLs of parts an answer has at most. */
export const PARTS_PAGE = 100;

export const UploadId = z
  .string()
  .regex(/^up_[0-9a-f]{32}$/, "is not the id of an upload")
  .openapi({ param: { name: "id", in: "path" }, description: "The id of the upload." });

export const UploadRequest = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(1024)
      .openapi({ description: "The name of the file, for people.", example: "holiday.mp4" }),
    content_type: z
      .enum(MEDIA_TYPES)
      .openapi({ description: "The media type of the file.", example: "video/mp4" }),
    bytes: z
      .int()
      .min(1)
      .max(MAX_UPLOAD_BYTES)
      .openapi({ description: "The exact size of the file, in bytes.", example: 7340032 }),
  })
  .openapi("UploadRequest");

const PartUrl = z
  .object({
    number: z.int().openapi({ description: "The number of the part, from 1." }),
    bytes: z.int().openapi({ description: "The exact size of the part." }),
    url: z.string().openapi({ description: "PUT the bytes of the part here. The answer's ETag names them." }),
  })
  .openapi("PartUrl");

export const UploadBody = z
  .object({
    id: z.string().openapi({ description: "The id of the upload, which POST /quote and POST /debit take." }),
    name: z.string().openapi({ description: "The name of the file, without folders." }),
    content_type: z.string().openapi({ description: "The media type that was declared." }),
    bytes: z.int().openapi({ description: "The size that was declared, in bytes." }),
    state: z.enum(["open", "complete"]).openapi({
      description: "Open until POST /uploads/ID/complete has found the file; then jobs can use it.",
    }),
    created_at: z.int().openapi({ description: "Milliseconds since 1970." }),
    kept_until: z
      .int()
      .openapi({ description: "Until when jobs can use the file, in milliseconds since 1970." }),
    method: z
      .enum(["put", "parts"])
      .optional()
      .openapi({
        description: `How to send an open upload: in one PUT, or in parts above ${SINGLE_PUT_BYTES} bytes.`,
      }),
    url: z.string().optional().openapi({ description: "With method put: PUT the file here." }),
    headers: z.record(z.string(), z.string()).optional().openapi({
      description: "With method put: the headers to send, besides Content-Length, which clients add.",
    }),
    part_bytes: z
      .int()
      .optional()
      .openapi({ description: "With method parts: the size of all parts but the last." }),
    parts: z
      .array(PartUrl)
      .optional()
      .openapi({
        description: `With method parts: up to ${PARTS_PAGE} parts that are still missing, in order.`,
      }),
    uploaded: z
      .array(z.int())
      .optional()
      .openapi({ description: "With method parts: the numbers of the parts that have arrived." }),
    next: z.int().nullable().optional().openapi({
      description:
        "With method parts: the value of `from` that gives the next missing parts; null after the last.",
    }),
    source_url: z.string().optional().openapi({
      description: "In answers of GET /uploads/ID about a complete upload: a presigned link to the file.",
    }),
    source_url_expires_at: z
      .int()
      .optional()
      .openapi({ description: "Until when `source_url` works, in milliseconds since 1970." }),
    expires_at: z.int().optional().openapi({
      description:
        "Until when the URLs are valid, in milliseconds since 1970. GET /uploads/ID makes new ones.",
    }),
  })
  .openapi("Upload");

export const CompleteRequest = z
  .strictObject({
    parts: z
      .array(
        z.strictObject({
          number: z.int().min(1).max(10_000).openapi({ description: "The number of the part, from 1." }),
          etag: z
            .string()
            .regex(/^"?[\x21\x23-\x7e]{1,128}"?$/, "is not an ETag")
            .openapi({ description: "The header ETag of the answer to the part's PUT." }),
        }),
      )
      .max(10_000)
      .optional()
      .openapi({ description: "The parts; without them the API asks the storage which parts it has." }),
  })
  .openapi("CompleteUploadRequest");

export const UploadList = z
  .object({
    uploads: z.array(UploadBody).openapi({ description: "The uploads, the newest first, without URLs." }),
    next: Next,
  })
  .openapi("UploadList");
