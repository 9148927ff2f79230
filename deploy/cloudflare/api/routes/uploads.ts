/** Serves the routes of uploads: start, show, complete, delete and list them. */

import { createRoute, z } from "@hono/zod-openapi";
import { completeUpload, completeWhenStored, partsLost } from "../complete_upload.ts";
import { safeFileName } from "../content_disposition.ts";
import { newId } from "../ids.ts";
import { EXTENSIONS } from "../media_types.ts";
import { abortMultipart, createMultipart, listParts } from "../multipart.ts";
import { cursor, pageOf, QUERY_ROWS, startOfPage } from "../pages.ts";
import { error, json, requiredJson } from "../responses.ts";
import { newRouter } from "../router.ts";
import { deleteObject, inputKey } from "../storage.ts";
import { completeUploadBody, openUploadBody, uploadBody } from "../upload_answer.ts";
import { partSize, SINGLE_PUT_BYTES } from "../upload_parts.ts";
import { CompleteRequest, UploadBody, UploadId, UploadList, UploadRequest } from "../upload_schemas.ts";
import { insertUpload, listUploads, markDeleted, requireUpload, type Upload } from "../uploads.ts";

const storageErrors = {
  502: error("The storage refused a request of the API."),
  503: error("The storage does not answer at the moment."),
};
const notFound = error("There is no such upload of this user.");

export const uploads = newRouter();

uploads.openapi(
  createRoute({
    method: "post",
    path: "/uploads",
    summary: "Start an upload",
    description:
      `A file of up to ${SINGLE_PUT_BYTES} bytes is sent in one PUT, a larger one in parts. The URLs accept only the ` +
      "declared type and size.",
    request: { body: requiredJson(UploadRequest) },
    responses: {
      201: json("The upload, and where to send the file.", UploadBody),
      400: error("The type is not one that the worker reads, the size is too large, or a field is wrong."),
      409: error("The user has too many open uploads."),
      ...storageErrors,
    },
  }),
  async (c) => {
    const { name, content_type, bytes } = c.req.valid("json");
    const user = c.var.user;
    const id = newId("up");
    const key = inputKey(user.id, id, EXTENSIONS[content_type]);
    const part_bytes = partSize(bytes);
    const multipart_id = part_bytes === null ? null : await createMultipart(c.env, key, content_type);
    const upload: Upload = {
      id,
      user_id: user.id,
      name: safeFileName(name),
      object_key: key,
      content_type,
      bytes,
      part_bytes,
      multipart_id,
      state: "open",
      created_at: Date.now(),
      completed_at: null,
    };
    try {
      await insertUpload(c.env, upload);
    } catch (failure) {
      if (multipart_id !== null)
        c.executionCtx.waitUntil(abortMultipart(c.env, key, multipart_id).catch(() => {}));
      throw failure;
    }
    return c.json(await openUploadBody(c.env, upload, [], 1), 201);
  },
);

uploads.openapi(
  createRoute({
    method: "get",
    path: "/uploads",
    summary: "List uploads",
    description: "Open and complete uploads, the newest first.",
    request: { query: z.object({ cursor: cursor("up") }) },
    responses: { 200: json("A page of uploads.", UploadList), 400: error("The cursor is malformed.") },
  }),
  async (c) => {
    const start = startOfPage(c.req.valid("query").cursor);
    const { page, next } = pageOf(await listUploads(c.env, c.var.user.id, start, QUERY_ROWS));
    return c.json({ uploads: page.map(uploadBody), next }, 200);
  },
);

uploads.openapi(
  createRoute({
    method: "get",
    path: "/uploads/{id}",
    summary: "Look at an upload, or go on with it",
    description:
      "For an open upload the answer tells what is still missing, with new URLs; for a complete one it has a link to " +
      "the file.",
    request: {
      params: z.object({ id: UploadId }),
      query: z.object({
        from: z.coerce.number<string>().pipe(z.int().min(1).max(10_000)).optional().openapi({
          type: "integer",
          minimum: 1,
          maximum: 10_000,
          description: "The first part to give a URL for; 1 by default.",
        }),
      }),
    },
    responses: {
      200: json("The upload.", UploadBody),
      400: error("A parameter is malformed."),
      404: notFound,
      409: error("The storage no longer has the parts of this upload."),
      422: error("The file that was uploaded is not what was declared."),
      ...storageErrors,
    },
  }),
  async (c) => {
    const upload = await requireUpload(c.env, c.var.user.id, c.req.valid("param").id);
    if (upload.state === "complete") return c.json(await completeUploadBody(c.env, upload), 200);
    let uploaded: number[] = [];
    if (upload.multipart_id !== null) {
      const parts = await listParts(c.env, upload.object_key, upload.multipart_id);
      if (parts === null) {
        const complete = await completeWhenStored(c.env, upload, partsLost());
        return c.json(await completeUploadBody(c.env, complete), 200);
      }
      uploaded = parts.map((part) => part.number);
    }
    return c.json(await openUploadBody(c.env, upload, uploaded, c.req.valid("query").from ?? 1), 200);
  },
);

uploads.openapi(
  createRoute({
    method: "post",
    path: "/uploads/{id}/complete",
    summary: "Complete an upload",
    description:
      "Joins the parts, and checks that the size and the type are those that were declared; if not, the file and the " +
      "upload are deleted. It can be repeated.",
    request: {
      params: z.object({ id: UploadId }),
      body: { required: false, content: { "application/json": { schema: CompleteRequest } } },
    },
    responses: {
      200: json("The upload is complete.", UploadBody),
      400: error("The request is malformed."),
      404: notFound,
      409: error("The file, or parts of it, have not been uploaded."),
      422: error("The parts are not those that were uploaded, or the file is not what was declared."),
      ...storageErrors,
    },
  }),
  async (c) => {
    const upload = await requireUpload(c.env, c.var.user.id, c.req.valid("param").id);
    const complete = await completeUpload(c.env, upload, c.req.valid("json").parts ?? null);
    return c.json(uploadBody(complete), 200);
  },
);

uploads.openapi(
  createRoute({
    method: "delete",
    path: "/uploads/{id}",
    summary: "Delete an upload",
    description: "Deletes the file, or the parts that have arrived. It can be repeated.",
    request: { params: z.object({ id: UploadId }) },
    responses: {
      204: { description: "The upload is deleted." },
      400: error("The id is malformed."),
      404: notFound,
      409: error("A job that has not ended uses the upload."),
      ...storageErrors,
    },
  }),
  async (c) => {
    const upload = await markDeleted(c.env, c.var.user.id, c.req.valid("param").id);
    // In this order: if the parts are being joined at the same time, the object that they make is deleted too.
    if (upload.multipart_id !== null) await abortMultipart(c.env, upload.object_key, upload.multipart_id);
    await deleteObject(c.env, upload.object_key);
    return c.body(null, 204);
  },
);
