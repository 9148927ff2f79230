/** Serves the page and the API's requests, and sweeps unsettled jobs at every cron event. */

import { app } from "./app.ts";
import { servePage } from "./page.ts";
import type { Env } from "./settings.ts";
import { sweep } from "./sweep.ts";

export { FilmWorkflow } from "./film/workflow.ts";

export default {
  fetch(request, env, context) {
    const isPage = new URL(request.url).pathname === "/" && ["GET", "HEAD"].includes(request.method);
    return isPage ? servePage(request, env) : app.fetch(request, env, context);
  },
  scheduled: (_event, env) => sweep(env),
} satisfies ExportedHandler<Env>;
