/**
 * Adds the page's security headers to the file _headers of a build for a host of its own, such as Cloudflare Pages.
 *
 *     node scripts/pages_headers.ts ../../out/pages https://api.example.com https://ACCOUNT.r2.cloudflarestorage.com
 *
 * They are those with which the API's Worker serves the page.
 */

import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { pageHeaders, pagePolicy } from "../api/page.ts";

const [folder, ...urls]: string[] = process.argv.slice(2);
if (folder === undefined || urls.length !== 2) {
  throw new Error("usage: node scripts/pages_headers.ts FOLDER API_URL BUCKET_URL");
}
const { "Cache-Control": caching, ...headers } = pageHeaders(
  pagePolicy(urls.map((url) => new URL(url).origin)),
);
headers["Strict-Transport-Security"] = "max-age=31536000";
const lines = Object.entries(headers).map(([name, value]) => `  ${name}: ${value}\n`);
// Pages answers every unknown path with the document, so the headers apply to all paths.
appendFileSync(join(folder, "_headers"), `\n/*\n${lines.join("")}\n/\n  Cache-Control: ${caching}\n`);
