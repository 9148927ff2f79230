/** Defines what middleware hands to the routes. */

import type { Env } from "./settings.ts";

/** The user that a request acts for. */
export interface User {
  id: string;
  name: string;
}

export interface AppEnv {
  Bindings: Env;
  Variables: {
    /** Set on every route but the open ones and those of /admin. */
    user: User;
    /** The pattern of the route, such as /status/:id. */
    route: string;
  };
}
