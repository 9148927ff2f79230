/** Builds the application: what happens to every request, and which routes there are. */

import { checkAccess } from "./middleware/access.ts";
import { answerError } from "./middleware/errors.ts";
import { newRouter } from "./router.ts";
import { health } from "./routes/health.ts";
import { uploads } from "./routes/uploads.ts";

export const app = newRouter();

app.onError(answerError);
app.use(checkAccess);

app.route("/", health);
app.route("/", uploads);
