/** Makes the OpenAPI document of the API from its routes, and serves it. */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { AppEnv } from "./context.ts";
import { registerJobSchemas } from "./job_schemas.ts";
import { newRouter } from "./router.ts";

type Document = ReturnType<OpenAPIHono<AppEnv>["getOpenAPI31Document"]>;
type Operation = NonNullable<NonNullable<Document["paths"]>[string]["get"]>;

const INFO = {
  title: "Framewright",
  version: "1",
  license: { name: "Apache-2.0", identifier: "Apache-2.0" },
  description:
    "Upscales, tracks and exports video on GPUs. Upload a video (POST /uploads), ask what a job costs (POST /quote), " +
    "start it (POST /debit), follow it (GET /status/ID), and fetch the output from the link in the job.\n\n" +
    "All bodies are JSON in UTF-8. Money is in micro-dollars: 1000000 are one dollar. Times are in milliseconds " +
    "since 1970. A path that is not listed here is answered with 404 `not_found`, another method with 405 " +
    "`method_not_allowed`; HEAD works as GET does.",
};

const TAGS = [
  { name: "Uploads", description: "Videos to work on." },
  { name: "Jobs", description: "What jobs cost, and the jobs themselves." },
  { name: "Wallet", description: "The balance, and what changed it." },
  { name: "Sessions", description: "Cookies for web pages." },
  { name: "Operator", description: "Users, keys and money; for the operator's token only." },
  { name: "Service", description: "The API itself, and what RunPod calls." },
];
const TAG_OF_PATH: Record<string, string> = {
  uploads: "Uploads",
  models: "Jobs",
  quote: "Jobs",
  debit: "Jobs",
  status: "Jobs",
  jobs: "Jobs",
  cancel: "Jobs",
  wallet: "Wallet",
  session: "Sessions",
  admin: "Operator",
};

const SECURITY = {
  key: { type: "http", scheme: "bearer", description: "An API key: `Authorization: Bearer fw_live_...`." },
  session: {
    type: "apiKey",
    in: "cookie",
    name: "__Host-framewright",
    description:
      "The cookie of POST /session; over http its name is `framewright`. A request that changes something also " +
      "needs an Origin that is allowed.",
  },
  operator: { type: "http", scheme: "bearer", description: "The operator's token." },
} as const;

/** The answers that the middleware may give in place of a route's own. */
const READ_BODY = {
  400: "The request is malformed: a field, a header or the JSON of the body is wrong.",
  413: "The body has more than 256 KiB.",
  415: "The body is not JSON in UTF-8, or is compressed.",
};
const AUTHENTICATED = {
  401: "The API key, the cookie or the token is missing, not valid, or revoked.",
  429: "Too many requests. The header Retry-After says when to go on.",
};
const BY_COOKIE = { 403: "The request came by cookie from a page whose origin is not allowed." };
const ALWAYS = { 500: "An unexpected error: a bug in Framewright." };

const RETRY_AFTER = {
  "Retry-After": {
    description: "After how many seconds the same request may succeed; absent where it will not.",
    schema: { type: "integer", minimum: 1 },
  },
} as const;

/** Returns the OpenAPI 3.1 document of an application. */
export function openapiDocument(app: OpenAPIHono<AppEnv>): Document {
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: INFO,
    tags: TAGS,
    servers: [{ url: "/" }],
  });
  for (const [path, operations] of Object.entries(document.paths ?? {})) {
    for (const operation of Object.values(operations) as Operation[]) complete(path, operation);
  }
  return document;
}

/** Adds what all routes have in common to the description of one. */
function complete(path: string, operation: Operation): void {
  const [first = ""] = path.split("/").slice(1);
  const isOperators = first === "admin";
  const isOpen = ["health", "openapi.json", "session", "webhook"].includes(first);
  operation.tags = [TAG_OF_PATH[first] ?? "Service"];
  operation.security = isOpen ? [] : isOperators ? [{ operator: [] }] : [{ key: [] }, { session: [] }];
  const shared = {
    ...(first === "webhook" ? {} : READ_BODY),
    ...(isOpen && first !== "session" ? {} : AUTHENTICATED),
    ...(isOpen || isOperators ? {} : BY_COOKIE),
    ...ALWAYS,
  };
  const responses = operation.responses as Record<string, { headers?: object; content?: object }>;
  for (const [status, description] of Object.entries(shared)) {
    responses[status] ??= {
      description,
      content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
    } as object;
  }
  for (const status of ["409", "429", "502", "503"]) {
    const response = responses[status];
    if (response !== undefined) response.headers = RETRY_AFTER;
  }
  for (const parameter of operation.parameters ?? []) {
    if ("name" in parameter && parameter.name === "idempotency-key") parameter.name = "Idempotency-Key";
  }
}

/** Adds what is not part of any route to the registry of an application, and the route that serves the document. */
export function addDocument(app: OpenAPIHono<AppEnv>): void {
  registerJobSchemas(app);
  for (const [name, scheme] of Object.entries(SECURITY)) {
    app.openAPIRegistry.registerComponent("securitySchemes", name, scheme);
  }
  const router = newRouter();
  let document: Document | undefined;
  router.openapi(
    createRoute({
      method: "get",
      path: "/openapi.json",
      summary: "Show this document",
      responses: {
        200: {
          description: "The OpenAPI document of this API.",
          content: { "application/json": { schema: z.looseObject({}) } },
        },
      },
    }),
    (c) => {
      document ??= openapiDocument(app);
      return c.json(document as object, 200);
    },
  );
  app.route("/", router);
}
