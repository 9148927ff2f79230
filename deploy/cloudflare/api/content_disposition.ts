/** Writes the Content-Disposition header that makes a browser save a file under a name that a user chose. */

/** The longest file name that common file systems store, in bytes. */
const MAX_NAME_BYTES = 255;
/** The longest extension, with its dot, that survives when a name is shortened, in characters. */
const MAX_EXTENSION = 16;

/**
 * Returns `attachment` with the name in both forms of RFC 6266: an ASCII one in quotes for old clients, and
 * `filename*` in UTF-8.
 *
 * @param name anything: folders before the name are dropped, as are control characters and marks that change
 *   the direction of text; a name that is too long is shortened before its extension.
 */
export function contentDisposition(name: string): string {
  const safe = safeFileName(name);
  const ascii = safe.replace(/[^\x20-\x7e]|["\\%]/gu, "_");
  const encoded = encodeURIComponent(safe).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}

/** Returns a name that is safe to save a file under: not empty, without folders, at most 255 bytes. */
export function safeFileName(name: string): string {
  const base = name
    .toWellFormed()
    .replace(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, "")
    .replace(/^.*[/\\]/s, "")
    .trim();
  const dot = base.lastIndexOf(".");
  const extension = dot > 0 && base.length - dot <= MAX_EXTENSION ? base.slice(dot) : "";
  const stem = base.slice(0, base.length - extension.length);
  if (/^\.*$/.test(base)) return "download";
  return shortened(stem, MAX_NAME_BYTES - utf8Bytes(extension)) + extension;
}

/** Returns the longest beginning of a text, in whole characters, that fits into so many bytes of UTF-8. */
function shortened(text: string, bytes: number): string {
  const buffer = new Uint8Array(bytes);
  const { read } = new TextEncoder().encodeInto(text, buffer);
  return text.slice(0, read);
}

function utf8Bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}
