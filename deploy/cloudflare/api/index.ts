/** Serves the API's requests, and sweeps unsettled jobs at every cron event. */

import { app } from "./app.ts";
import type { Env } from "./settings.ts";
import { sweep } from "./sweep.ts";

export default {
  fetch: app.fetch,
  scheduled: (_event, env) => sweep(env),
} satisfies ExportedHandler<Env>;
