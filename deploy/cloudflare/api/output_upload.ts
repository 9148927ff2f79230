/** Signs how a worker uploads its output: in one PUT, or in parts if the output may be too large for one. */

import { createMultipart } from "./multipart.ts";
import { type OrderedJob, OUTPUT_TYPES, suffixOf } from "./ordered_job.ts";
import type { Terms } from "./quote.ts";
import type { Env } from "./settings.ts";
import { presign, presignPut } from "./storage.ts";
import { outputOf } from "./workload.ts";

const MIB = 2 ** 20;
/** The most that R2 accepts in one PUT, in bytes (developers.cloudflare.com/r2/platform/limits). */
const MOST_PUT_BYTES = 5 * 2 ** 30 - 5 * MIB;
/** How many parts an output may have. Each has a URL of about 500 characters, and RunPod takes jobs of 10 MB. */
const PARTS = 200;
/** The smallest size of the parts, in bytes. A part that fails is sent again whole. */
const SMALLEST_PART_BYTES = 256 * MIB;
/** The largest size of a part, in bytes. */
const LARGEST_PART_BYTES = 4 * 2 ** 30;
/**
 * How many bytes a pixel of the output may take, by its quality: 10 bits of luma and of two quarters of chroma, each in
 * two bytes; and a sixth of that for grain at the best lossy quality.
 */
const BYTES_PER_PIXEL = { lossless: 3, lossy: 0.5 };

/** The part of a worker's job that says where its output goes. */
export type OutputTarget = { output_url: string } | { output_parts: object };

/**
 * Returns where a worker uploads the output of a job. For parts, a multipart upload is created; what is left of one that
 * nobody completes is deleted by the lifecycle rule of the bucket.
 *
 * @param terms the quote of the job.
 * @param key the key of the output.
 * @throws ApiError 503 if the storage does not answer.
 */
export async function outputTarget(
  env: Env,
  order: OrderedJob,
  terms: Terms,
  key: string,
  expiresS: number,
): Promise<OutputTarget> {
  const contentType = OUTPUT_TYPES[suffixOf(order)];
  const bytes = mostBytes(order, terms);
  // A film may be longer than its quote says.
  const mayBeLarge = bytes > MOST_PUT_BYTES || (terms.film != null && order.task !== "track");
  if (!mayBeLarge) return { output_url: await presignPut(env, key, expiresS, { contentType }) };
  const uploadId = await createMultipart(env, key, contentType);
  const sign = (method: string, query: Record<string, string> = {}) =>
    presign(env, method, key, expiresS, { ...query, uploadId }, {});
  return {
    output_parts: {
      part_bytes: partBytes(bytes),
      urls: await Promise.all(
        Array.from({ length: PARTS }, (_, index) => sign("PUT", { partNumber: String(index + 1) })),
      ),
      complete_url: await sign("POST"),
      abort_url: await sign("DELETE"),
    },
  };
}

/** Returns how many bytes an output may have, as far as its quote knows the video. */
function mostBytes(order: OrderedJob, { frames, width, height, model }: Terms): number {
  if (order.task === "track") return 0;
  const output = outputOf(order, { width, height }, model ?? "");
  const { quality } = order.params as { quality?: string | null };
  return (
    frames * output.width * output.height * BYTES_PER_PIXEL[quality === "lossless" ? "lossless" : "lossy"]
  );
}

/** Returns the size of all parts but the last, such that twice the expected bytes fit into PARTS of them. */
function partBytes(bytes: number): number {
  let size = SMALLEST_PART_BYTES;
  while (size * PARTS < 2 * bytes && size < LARGEST_PART_BYTES) size *= 2;
  return size;
}
