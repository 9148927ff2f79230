/** Serves the API's requests, and sweeps unsettled jobs on every cron event. */

import { app } from "./app.ts";
import type { Env } from "./settings.ts";

export default {
  fetch: app.fetch,
} satisfies ExportedHandler<Env>;
