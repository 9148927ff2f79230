/** Serves the page's document, with the headers that restrict what it may do. Its other files are static assets. */

import type { Env } from "./settings.ts";

/**
 * Returns the Content-Security-Policy of the page: scripts and styles are its own files only, and it talks to the API
 * and the bucket alone.
 *
 * @param others the origins of the bucket, and of the API if that is not the page's own.
 */
export function pagePolicy(others: string[]): string {
  const origins = others.join(" ");
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src 'self' data: blob: ${origins}`,
    `media-src blob: ${origins}`,
    `connect-src 'self' ${origins}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; ");
}

/** The headers of the page's document; the API adds those of `middleware/answers.ts` to its own answers. */
export function pageHeaders(policy: string): Record<string, string> {
  return {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": policy,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
  };
}

/** Answers GET and HEAD of "/" with the page. */
export async function servePage(request: Request, env: Env): Promise<Response> {
  const file = await env.ASSETS.fetch(request);
  const answer = new Response(file.body, file);
  const headers = pageHeaders(pagePolicy([new URL(env.S3_ENDPOINT).origin]));
  for (const [name, value] of Object.entries(headers)) answer.headers.set(name, value);
  if (new URL(request.url).protocol === "https:") {
    answer.headers.set("Strict-Transport-Security", "max-age=31536000");
  }
  return answer;
}
