/**
 * Generates the validator of jobs, their TypeScript types and their OpenAPI components from JSON Schemas in docs/.
 *
 *     node scripts/job_validator.ts api/generated
 *
 * The validator is standalone code because Workers forbid `new Function`, with which Ajv compiles schemas.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import standaloneCode from "ajv/dist/standalone/index.js";

type Schema = { [key: string]: unknown };

const DOCS = join(import.meta.dirname, "../../../docs");
const NOTICE = "// Made by `make docs` from docs/jobs.schema.json; do not edit.\n";
/** The validators that are exported, and the definitions that they check. */
const VALIDATORS = { upscale: "UpscaleParams", track: "TrackParams", export: "ExportParams" };

/** The definitions of results and previews that users get. */
const ANSWERS = ["UpscaleResult", "TrackAnswer", "TrackStored", "ExportResult", "Preview"];

/** Characters are counted as JSON Schema counts them: code points, not UTF-16 units. */
const COUNT_CHARACTERS = `function countCharacters(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
`;

function validator(definitions: Schema): string {
  const ajv = new Ajv2020({
    code: { source: true, esm: true, lines: true },
    allErrors: false,
    verbose: true,
    allowUnionTypes: true,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    keywords: ["discriminator"],
  });
  ajv.addSchema({ $id: "jobs", $defs: definitions });
  const exported = Object.fromEntries(
    Object.entries(VALIDATORS).map(([task, definition]) => [`${task}Params`, `jobs#/$defs/${definition}`]),
  );
  const code = standaloneCode(ajv, exported).replaceAll(
    'require("ajv/dist/runtime/ucs2length").default',
    "countCharacters",
  );
  if (code.includes("require(")) throw new Error("the validator needs a part of Ajv at run time");
  return NOTICE + COUNT_CHARACTERS + code;
}

/** Returns the TypeScript type of a JSON Schema. */
function typeOf(schema: Schema): string {
  if (typeof schema.$ref === "string") return schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
  const kinds = (schema.anyOf ?? schema.oneOf) as Schema[] | undefined;
  if (kinds !== undefined) return kinds.map(typeOf).join(" | ");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  switch (schema.type) {
    case "string":
    case "boolean":
    case "null":
      return schema.type;
    case "number":
    case "integer":
      return "number";
    case "array":
      return `(${typeOf((schema.items ?? {}) as Schema)})[]`;
    case "object":
      return "Record<string, unknown>";
    default:
      return "unknown";
  }
}

function interfaceOf(name: string, definition: Schema): string {
  const required = new Set((definition.required ?? []) as string[]);
  const fields = Object.entries(definition.properties as Record<string, Schema>).map(
    ([field, schema]) => `  ${field}${required.has(field) ? "" : "?"}: ${typeOf(schema)};\n`,
  );
  return `export interface ${name} {\n${fields.join("")}}\n`;
}

function declarations(definitions: Record<string, Schema>): string {
  const types = Object.entries(definitions)
    .filter(([, definition]) => definition.additionalProperties === false)
    .map(([name, definition]) => interfaceOf(name, definition));
  const functions = Object.entries(VALIDATORS).map(
    ([task, name]) => `export const ${task}Params: ValidateFunction<${name}>;\n`,
  );
  return `${NOTICE}import type { ValidateFunction } from "ajv";\n\n${types.join("")}${functions.join("")}`;
}

/** Returns schemas with references to the components of an OpenAPI document. */
function components(definitions: Schema): string {
  const text = JSON.stringify(definitions, null, 1).replaceAll('"#/$defs/', '"#/components/schemas/');
  return `${text}\n`;
}

/** Returns some definitions and those that they refer to, in their first order. */
function withReferences(definitions: Record<string, Schema>, names: string[]): Record<string, Schema> {
  const found = new Set<string>();
  const add = (name: string) => {
    if (found.has(name)) return;
    found.add(name);
    for (const [, inner] of JSON.stringify(definitions[name]).matchAll(/"#\/\$defs\/(\w+)"/g))
      add(inner as string);
  };
  names.forEach(add);
  return Object.fromEntries(Object.entries(definitions).filter(([name]) => found.has(name)));
}

function read(name: string): Record<string, Schema> {
  return JSON.parse(readFileSync(join(DOCS, name), "utf8")).$defs;
}

const folder = process.argv[2] ?? "api/generated";
const jobs = withReferences(read("jobs.schema.json"), Object.values(VALIDATORS));
const answers = withReferences(read("results.schema.json"), ANSWERS);
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "job_validator.js"), validator(jobs));
writeFileSync(join(folder, "job_validator.d.ts"), declarations(jobs));
writeFileSync(join(folder, "components.json"), components({ ...jobs, ...answers }));
