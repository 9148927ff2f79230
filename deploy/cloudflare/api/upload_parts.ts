/** Decides how a file is divided into the parts of a multipart upload. */

const MIB = 2 ** 20;
/** The largest file that is uploaded, in bytes: what the worker fetches by default (FRAMEWRIGHT_MAX_INPUT_BYTES). */
export const MAX_UPLOAD_BYTES = 10 * 2 ** 30;
/** The largest file that is uploaded in one PUT, in bytes. A PUT that is interrupted starts again from nothing. */
export const SINGLE_PUT_BYTES = 8 * MIB;
/**
 * The smallest size of the parts, in bytes. A part that is interrupted is sent again whole, so parts are not larger than
 * needed; S3 and R2 accept no smaller ones than 5 MiB, and each one is a request with a preflight of its own.
 */
const SMALLEST_PART_BYTES = 8 * MIB;
/** Parts are made larger rather than more than these, although S3 and R2 accept 10,000. */
const MAX_PARTS = 1000;

/** Returns the size of all parts but the last, in bytes: a power of two; null for a file that is sent in one PUT. */
export function partSize(bytes: number): number | null {
  if (bytes <= SINGLE_PUT_BYTES) return null;
  let size = SMALLEST_PART_BYTES;
  while (size * MAX_PARTS < bytes) size *= 2;
  return size;
}

/** Returns the number and size in bytes of every part of a file, in order. */
export function partsOf(bytes: number, partBytes: number): { number: number; bytes: number }[] {
  return Array.from({ length: Math.ceil(bytes / partBytes) }, (_, index) => ({
    number: index + 1,
    bytes: Math.min(partBytes, bytes - index * partBytes),
  }));
}
