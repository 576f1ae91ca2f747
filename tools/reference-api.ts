/**
 * Writes docs/reference/api.md from the operations table: `node tools/reference-api.ts`. A test compares the two.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { NOT_IMPLEMENTED } from "../src/api/not-implemented.ts";
import { OBJECTS } from "../src/api/objects.ts";
import { roleOf } from "../src/api/operation.ts";
import { OPERATION_LIST } from "../src/api/operations.ts";
import { refusalsOf } from "../src/api/refusals.ts";

export const API_REFERENCE = join(import.meta.dirname, "..", "docs", "reference", "api.md");

interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema | readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly "x-not-effective"?: true;
}

const INTRO = `# Control API

<!-- Made by tools/reference-api.ts from src/api; a test holds them together. Change the table, then run it. -->

HTTP with JSON, in the shapes of PAI-EAS (product \`eas\`, version 2021-07-01). It listens on 127.0.0.1:8081 unless told
otherwise. The running server gives the same contract as an OpenAPI 3.1 document at \`/openapi.json\`.

- **Key.** Send \`Authorization: Bearer <access key>\`, or sign the request with id and secret of the key as the SDKs of PAI-EAS do
  (\`ACS3-HMAC-SHA256\`, or the older \`acs\`). Those of the installation's own key are in \`config.json\` in Sluice's home folder: \`keyId\` and
  \`key\`. [Further keys](../guide/authentication.md#keys-of-the-control-api) have a role: \`viewer\` reads, without secrets; \`operator\` changes services and
  groups, too; \`admin\` may do everything. What each operation needs stands with it; a key that has less gets 403 \`FORBIDDEN\`.
- **Restricted keys** see and change only services of some groups or workspaces, and groups whose members are all theirs. Everything else is for them as
  if it were not there: lists leave it out, and its name gets 404. A name that is taken is refused with 409 all the same, and a change that would
  reach outside with 403 \`FORBIDDEN\`.
- **Failures.** After ten requests without a right key an address gets 429 \`TOO_MANY_FAILURES\` for a second, and twice as long after each further one, up to
  five minutes. Keys that have opened from that address before are not held up.
- **Region.** \`{ClusterId}\` is the region of this installation, \`local\` unless the setting \`region\` says otherwise.
- **RequestId.** Every answer has one, in its body and in the header \`X-Request-Id\`; the log has it too. A client's own
  \`X-Request-Id\` is taken over when it has 1 to 128 letters, digits or \`._:+/=-\`. The CLI sends one.
- **Refusals** are \`{Code, Message, RequestId, HostId}\` and the facts of the code, written like all names here:
  \`INVALID_SPEC\` has \`Problems\`, a list of \`{Path, Found, Allowed}\`. [All codes](errors.md).
  Each operation names those that follow from what it does. Any may refuse with \`BAD_REQUEST\`, \`INVALID_ARGUMENT\`, \`REQUEST_TIMEOUT\` and
  \`INTERNAL\`; one that wants a key with \`UNAUTHORIZED\`; one that is no GET with \`INVALID_JSON\`, \`BODY_TOO_LARGE\`, \`WRITE_CONFLICT\` and \`STORE_FULL\`. The
  OpenAPI document has them all by status, and no other status is answered.
- **Methods.** HEAD is GET without the body. Another method of a path that is there is 405, with the methods in \`Allow\`.
- **Input** is checked whole, and all problems are told at once: \`$.Instance\` is a field of the body, \`?PageSize\` a query
  parameter. Parameters and fields that are not named here are refused.
- **Not effective.** What EAS knows and this installation does nothing with is accepted and named in the answer, in
  \`NotEffective\`: parameters as \`?WorkspaceId\`, fields of a service.json by their JSON path.
- **Not implemented.** What EAS has and this installation does not have is refused with status 501 and code \`NotImplemented\`; \`Instead\`
  says what to use meanwhile. [Those operations](#not-implemented).
- **Accepted is not done.** Commands on a service answer when they are stored. They return \`Generation\`; the command has
  taken effect when DescribeService says \`ObservedGeneration\` at least as high, and \`Status\` how it ended.
- **Maps** in a query (\`Label\`, \`Labels\`) are JSON text, as the EAS SDKs send them; lists (\`Keys\`, \`InstanceTypes\`) are parted by commas, or JSON text, too.
- **Limits.** A body may have 1 MiB; a head has 10 s and a whole request 60 s to arrive; 1000 connections may be open.
- **Extensions.** Fields marked so are ours; EAS does not have them. Following a log is one too: with \`Follow=true\`
  DescribeServiceLog answers \`text/plain\`, one line of the log each, until the client closes the connection. Instances that
  start later are not in it.
`;

const names = new Map<unknown, string>(Object.entries(OBJECTS).map(([name, schema]) => [schema, name]));
const linked = (name: string) => `[${name}](#object-${name.toLowerCase()})`;

/** The type of a field in words. */
function typeOf(schema: Schema): string {
  const name = names.get(schema);
  if (name !== undefined) return linked(name);
  if (schema.enum) return schema.enum.map((word) => `\`${word}\``).join(", ");
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (Array.isArray(schema.items)) return `[${schema.items.map(typeOf).join(", ")}]`;
  if (schema.type === "array") return `list of ${schema.items ? typeOf(schema.items as Schema) : "anything"}`;
  if (typeof schema.additionalProperties === "object")
    return `map of text to ${typeOf(schema.additionalProperties)}`;
  if (schema.patternProperties)
    return `map of text to ${typeOf(Object.values(schema.patternProperties)[0]!)}`;
  if (schema.type === "object") return `{${Object.keys(schema.properties ?? {}).join(", ")}}`;
  const range = [schema.minimum, schema.maximum].filter((bound) => bound !== undefined).join(" to ");
  const words: Record<string, string> = {
    string: "text",
    integer: "whole number",
    null: "null",
    boolean: "true or false",
  };
  return [words[schema.type ?? ""] ?? schema.type ?? "anything", range]
    .filter((part) => part !== "")
    .join(", ");
}

const row = (...cells: string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;

/** The fields of an object as a table; without what is in every answer. */
function fields(schema: Schema, skipped: readonly string[] = []): string {
  const required = new Set(schema.required);
  const rows = Object.entries(schema.properties ?? {})
    .filter(([name, field]) => !skipped.includes(name) && !field["x-not-effective"])
    .map(([name, field]) =>
      row(`\`${name}\`${required.has(name) ? "" : "?"}`, typeOf(field), field.description ?? ""),
    );
  return [row("name", "type", "meaning"), row("---", "---", "---"), ...rows].join("\n");
}

const ignoredIn = (schema: Schema) =>
  Object.entries(schema.properties ?? {})
    .filter(([, field]) => field["x-not-effective"])
    .map(([name]) => `\`${name}\``)
    .join(", ");

function operationText(operation: (typeof OPERATION_LIST)[number]): string {
  const query = operation.query as Schema;
  const body = operation.body as Schema | "service-json" | null;
  const response = operation.response as Schema;
  const lines = [
    `### ${operation.name}`,
    "",
    `\`${operation.method} ${operation.path}\``,
    "",
    `${operation.summary}.`,
    "",
    needText(operation),
  ];
  const isEffective = Object.values(query.properties ?? {}).some((field) => !field["x-not-effective"]);
  if (isEffective) lines.push("", "Query (`?`: may be left out):", "", fields(query));
  if (ignoredIn(query) !== "") lines.push("", `Accepted and not effective: ${ignoredIn(query)}.`);
  if (body === "service-json") lines.push("", "Body: a service.json.");
  else if (body !== null) {
    lines.push("", "Body:", "", fields(body));
    if (ignoredIn(body) !== "") lines.push("", `Accepted and not effective: ${ignoredIn(body)}.`);
  }
  lines.push("", ...answerText(response));
  const common = new Set(refusalsOf({ ...operation, path: "/", body: null, refusals: [] }));
  const own = refusalsOf(operation).filter((code) => !common.has(code));
  if (own.length > 0) lines.push("", `Refuses with ${own.map((code) => `\`${code}\``).join(", ")}.`);
  return lines.join("\n");
}

/** What a key has to have for it. */
function needText(operation: (typeof OPERATION_LIST)[number]): string {
  if (operation.isOpen) return "Needs no key.";
  const reach = operation.isInstallationWide ? ", and a key that is not restricted" : "";
  return `Needs the role ${roleOf(operation)}${reach}.`;
}

/** An answer that is one of the shared objects refers to it instead of repeating it. */
function answerText(response: Schema): string[] {
  const properties = Object.values(response.properties ?? {});
  for (const [name, object] of Object.entries(OBJECTS)) {
    const own = Object.values((object as Schema).properties ?? {});
    if (own.every((field) => properties.includes(field))) return [`Answer: the fields of ${linked(name)}.`];
  }
  if (properties.length === 0) return [`Answer: ${response.description ?? "JSON"}.`];
  return ["Answer:", "", fields(response, ["RequestId", "NotEffective"])];
}

/** What is refused, in one table. */
function notImplemented(): string {
  const rows = Object.entries(NOT_IMPLEMENTED).map(([name, { method, path, instead }]) =>
    row(`\`${name}\``, `\`${method} ${path}\``, instead),
  );
  return `## Not implemented

Whoever asks for one of these gets status 501 and code \`NotImplemented\`, before anything else of the request than its key is looked at.

${[row("operation", "path", "instead"), row("---", "---", "---"), ...rows].join("\n")}
`;
}

/** The whole page. */
export function apiReference(): string {
  const tags = [...new Set(OPERATION_LIST.map((operation) => operation.tag))];
  const parts = [INTRO];
  for (const tag of tags) {
    parts.push(`## ${tag}\n`);
    for (const operation of OPERATION_LIST.filter((one) => one.tag === tag))
      parts.push(`${operationText(operation)}\n`);
  }
  parts.push(notImplemented());
  parts.push("## Objects\n");
  for (const [name, schema] of Object.entries(OBJECTS))
    parts.push(`### Object: ${name}\n\n${fields(schema as Schema)}\n`);
  return parts.join("\n");
}

if (import.meta.main) writeFileSync(API_REFERENCE, apiReference());
