/** Builds the application: what happens to every request, and which routes there are. */

import { checkAccess } from "./middleware/access.ts";
import { addHeaders, logRequest } from "./middleware/answers.ts";
import { readBody } from "./middleware/body.ts";
import { answerError } from "./middleware/errors.ts";
import { knownRoute, noSuchPath } from "./middleware/known_route.ts";
import { addDocument } from "./openapi.ts";
import { newRouter } from "./router.ts";
import { adminKeys } from "./routes/admin_keys.ts";
import { adminMoney } from "./routes/admin_money.ts";
import { health } from "./routes/health.ts";
import { jobs } from "./routes/jobs.ts";
import { modelList } from "./routes/models.ts";
import { quotes } from "./routes/quotes.ts";
import { session } from "./routes/session.ts";
import { uploads } from "./routes/uploads.ts";
import { wallet } from "./routes/wallet.ts";
import { webhook } from "./routes/webhook.ts";

export const app = newRouter();

app.onError(answerError);
app.notFound(() => {
  throw noSuchPath();
});
app.use(logRequest, addHeaders, knownRoute(app), checkAccess, readBody);

app.route("/", health);
app.route("/", uploads);
app.route("/", session);
app.route("/", wallet);
app.route("/", adminKeys);
app.route("/", adminMoney);
app.route("/", jobs);
app.route("/", webhook);
app.route("/", quotes);
app.route("/", modelList);
addDocument(app);
