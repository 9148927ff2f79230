/** Shows which part of the source an export has taken, beside its output. */

import type { Job } from "../api/client.ts";

export function ExportView(_props: { job: Job }) {
  return null;
}
