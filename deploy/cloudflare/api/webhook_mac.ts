/** Makes and checks the MAC in the webhook address of a job: HMAC-SHA256 of the job's id, as 64 hex digits. */

import { hex } from "./digests.ts";
import type { Env } from "./settings.ts";

/** Returns the address that RunPod calls when a job, or a step of a film (film/film_rows.ts), has ended. */
export async function webhookUrl(env: Env, jobId: string): Promise<string> {
  const mac = await crypto.subtle.sign("HMAC", await macKey(env), message(jobId));
  return `${env.PUBLIC_URL}/webhook/${jobId}/${hex(new Uint8Array(mac))}`;
}

/** Returns whether a MAC belongs to a job; takes the same time whatever is wrong with it. */
export async function macIsRight(env: Env, jobId: string, mac: string): Promise<boolean> {
  if (!/^[0-9a-f]{64}$/.test(mac)) return false;
  const bytes = Uint8Array.from(mac.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
  return crypto.subtle.verify("HMAC", await macKey(env), bytes, message(jobId));
}

async function macKey(env: Env): Promise<CryptoKey> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const secret = new TextEncoder().encode(env.WEBHOOK_SECRET);
  return crypto.subtle.importKey("raw", secret, algorithm, false, ["sign", "verify"]);
}

function message(jobId: string): Uint8Array {
  return new TextEncoder().encode(`webhook:${jobId}`);
}
