/** Computes digests, and compares secrets in constant time. */

/** Returns bytes as lower-case hex digits. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Returns the SHA-256 of a text in hex. */
export async function sha256(text: string): Promise<string> {
  return hex(new Uint8Array(await digest(text)));
}

/** Returns whether two texts are equal, in a time that does not depend on where they differ or how long they are. */
export async function equalInConstantTime(a: string, b: string): Promise<boolean> {
  return crypto.subtle.timingSafeEqual(await digest(a), await digest(b));
}

function digest(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
}
