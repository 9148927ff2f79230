/** Shows the source and the output of an upscale in sync, with a slider between them. */

import type { Job } from "../api/client.ts";

export function BeforeAfter(_props: { job: Job }) {
  return null;
}
