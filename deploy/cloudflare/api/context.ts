/** Defines what middleware hands to the routes. */

import type { Env } from "./settings.ts";

/** The user that a request acts for. */
export interface User {
  id: string;
  name: string;
}

export interface AppEnv {
  Bindings: Env;
  Variables: { user: User };
}
