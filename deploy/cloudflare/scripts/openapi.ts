/**
 * Writes the OpenAPI document of the API.
 *
 *     node scripts/openapi.ts openapi.json
 */

import { writeFileSync } from "node:fs";
import { app } from "../api/app.ts";
import { openapiDocument } from "../api/openapi.ts";

writeFileSync(process.argv[2] ?? "openapi.json", `${JSON.stringify(openapiDocument(app), null, 2)}\n`);
