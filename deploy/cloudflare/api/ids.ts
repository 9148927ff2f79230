/** Makes ids that cannot be guessed. */

/** Returns a new id, such as `job_3f2a...`: the prefix and 128 random bits in hex. */
export function newId(prefix: "job" | "up" | "quote" | "user" | "key"): string {
  return `${prefix}_${crypto.randomUUID().replaceAll("-", "")}`;
}
