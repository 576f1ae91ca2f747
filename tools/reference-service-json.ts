/**
 * Writes docs/reference/service-json.md and docs/reference/service.schema.json from the schema in src/core/spec.
 * Run it after a change of the schema: `node tools/reference-service-json.ts`. A test holds the files to it.
 */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { allowedText } from "../src/core/spec/allowed.ts";
import type { Field } from "../src/core/spec/field.ts";
import { ALIASES } from "../src/core/spec/field-tree.ts";
import { DEPTH_MAX, PROBLEMS_MAX, VALUES_MAX } from "../src/core/spec/normalize.ts";
import { KNOWN_CODES, READY_CODES, RUNNABLE_TYPES } from "../src/core/spec/processors.ts";
import { publishedSpecSchema } from "../src/core/spec/published-schema.ts";
import { SERVICE_FIELD } from "../src/core/spec/schema.ts";

export const REFERENCE_DIR = join(dirname(import.meta.dirname), "docs", "reference");

const code = (text: string) => `\`${text}\``;
const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/** Blocks that were already shown, by what is in them: the same one elsewhere is only named. */
type Shown = Map<string, string>;

/** One field and those below it, as rows of a table. */
function rows(field: Field, path: string, isRequired: boolean, shown: Shown): string[] {
  const isBlock = field.properties !== undefined;
  const content = JSON.stringify(field.properties);
  const twin = isBlock ? shown.get(content) : undefined;
  if (twin !== undefined) return [row(path, `as ${code(twin)}`, field, isRequired)];
  if (isBlock && Object.keys(field.properties!).length > 4) shown.set(content, path);
  const below = isBlock ? field : field.items;
  const prefix = isBlock ? path : `${path}[]`;
  return [
    ...(isBlock ? [] : [row(path, valueText(field), field, isRequired)]),
    ...Object.entries(below?.properties ?? {}).flatMap(([name, child]) =>
      rows(child, `${prefix}.${name}`, below?.required?.includes(name) === true, shown),
    ),
  ];
}

function row(path: string, value: string, field: Field, isRequired: boolean): string {
  const cells = [
    value,
    defaultText(field, isRequired),
    field["x-effective"] ? "yes" : "",
    field.description ?? "",
  ];
  return `| ${[code(path), ...cells.map(cell)].join(" | ")} |`;
}

function valueText(field: Field): string {
  if (typeof field.additionalProperties === "object") {
    const most = field.maxProperties === undefined ? "" : `at most ${field.maxProperties}; `;
    const names = field.propertyNames === undefined ? "" : `; names: ${allowedText(field.propertyNames)}`;
    return `an object with names of your own (${most}each ${allowedText(field.additionalProperties)}${names})`;
  }
  return allowedText(field);
}

function defaultText(field: Field, isRequired: boolean): string {
  if (isRequired) return "required";
  return field.default === undefined ? "" : code(String(field.default));
}

const HEAD = "| Field | Value | Default | Acted on | Meaning |\n| --- | --- | --- | --- | --- |";

function table(lines: readonly string[]): string {
  return `${HEAD}\n${lines.join("\n")}\n`;
}

/** `metadata`, then the fields at the top that are no blocks, then one section for each other block. */
function sections(): string {
  const entries = Object.entries(SERVICE_FIELD.properties ?? {});
  const shown: Shown = new Map();
  const isSection = (field: Field) => (field.properties ?? field.items?.properties) !== undefined;
  const section = ([name, field]: readonly [string, Field]) =>
    `## ${code(name)}\n\n${field.description}\n\n${table(rows(field, name, false, shown))}`;
  const plain = entries.flatMap(([name, field]) => (isSection(field) ? [] : rows(field, name, false, shown)));
  const [first, ...others] = entries.filter(([, field]) => isSection(field)).map(section);
  return [first, `## At the top\n\n${table(plain)}`, ...others].join("\n");
}

/** Dotted names of all fields that this build acts on. */
function effectiveNames(field: Field, prefix: string): string[] {
  return Object.entries(field.properties ?? {}).flatMap(([name, child]) => {
    if (child["x-effective"]) return [`${prefix}${name}`];
    if (child.items !== undefined) return effectiveNames(child.items, `${prefix}${name}[].`);
    return effectiveNames(child, `${prefix}${name}.`);
  });
}

/** The whole reference, as Markdown. */
export function serviceReference(): string {
  const aliases = Object.entries(ALIASES).map(([from, to]) => `| ${code(from)} | ${code(to)} |`);
  const elsewhere = KNOWN_CODES.filter((known) => !READY_CODES.includes(known));
  return `<!-- Written by tools/reference-service-json.ts from src/core/spec. Do not edit by hand. -->
# service.json

One JSON object says what a service runs and how. It is the file given to \`sluice create\`, and the body of
\`POST /api/v2/services\`. A JSON Schema for editors stands beside this page: [service.schema.json](service.schema.json).

    {
      "metadata": { "name": "pmml_prod", "instance": 4, "cpu": 1, "group": "pmml" },
      "processor": "pmml",
      "model_path": "/models/churn-1.pmml"
    }

    {
      "metadata": { "name": "echo", "instance": 1, "rpc.keepalive": 10000 },
      "processor_type": "python",
      "processor_path": "/code/echo",
      "processor_entry": "app.py"
    }

    {
      "metadata": { "name": "words", "instance": 2 },
      "processor_path": "/code/words",
      "containers": [{ "script": "exec python3 server.py", "port": 8000 }]
    }

## Rules

- **What a field says is done, refused, or named.** "Acted on: yes" means that this build does what the field says. Every
  other field listed here is checked and kept, and the answer to create and update names it as not effective here.
  A field that is not listed is refused, with the nearest known name. Acted on are:
  ${effectiveNames(SERVICE_FIELD, "").map(code).join(", ")}.
- **All problems at once.** A refusal (\`INVALID_SPEC\`) names each problem with the JSON path as you spelled it, what was found
  and what is allowed; at most ${PROBLEMS_MAX}. Tokens, passwords and the like are never repeated.
- **Nested and dotted keys are the same.** \`{"metadata": {"rpc": {"keepalive": 9}}}\`, \`{"metadata": {"rpc.keepalive": 9}}\` and
  \`{"metadata.rpc.keepalive": 9}\` mean one thing, in objects inside of lists too. Two different values for one field are
  refused. In objects with names of your own (\`labels\`, \`features\`, \`model_config\`, …) a dot is part of the name:
  \`labels.a.b\` is the label \`a.b\`.
- **Booleans** may be written as \`"true"\` and \`"false"\`. **Numbers** are JSON numbers; \`"2"\` is refused.
- **null** means "not given". So does an empty text in a field that takes a text and is not required, except \`token\`.
- **Update** merges: objects are merged, everything else is replaced, lists as a whole, and null removes (RFC 7386). Inside of
  \`model_config\` and other values of your own, null is a value. Update with \`UpdateType=replace\` takes the document as a whole.
- **Size**: at most ${VALUES_MAX} values, and ${DEPTH_MAX} levels inside of \`model_config\`. The JSON may begin with a byte order
  mark; a name given twice in one object is refused.

## What a change leads to

| Changed | Effect |
| --- | --- |
| \`metadata.instance\` only | scale, no new version |
| \`token\`, \`labels\`, \`metadata.traffic_state\`, \`metadata.eas.termination_grace_period\`, \`runtime.enable_crash_block\`, \`networking.gateway_policy.body_digest\` | in place, no new version |
| any other field that is acted on | a new version; instances are replaced, make before break |
| fields that are not acted on | the document is stored, nothing else |

\`metadata.name\`, \`metadata.group\` and \`metadata.enable_grpc\` are fixed for the life of a service.

## What is run

- \`processor\`: ${READY_CODES.map(code).join(", ")}. It needs \`model_path\`. [Processors](processors.md) has each.
- A processor of your own: \`processor_type\` ${RUNNABLE_TYPES.map(code).join(", ")}, \`processor_path\` and \`processor_entry\`; for Java
  \`processor_mainclass\` in place of the last.
- A server of your own: \`containers\` with one container that has a \`script\` or a \`command\`, and no processor. It runs on this machine;
  \`image\` does nothing. It is told the port to listen on as \`PORT\`: see the [guide](../guide/own-server.md). Its
  checks are those of [Kubernetes](../guide/health-checks.md). \`processor_entry\`,
  \`metadata.rpc.worker_threads\`, \`max_queue_size\` and \`rate_limit\` do nothing for it. Beside a processor, \`containers\` do nothing.
- Refused, because this build cannot run it: a container with an \`image\` and no command; the
  built-in processors whose codes begin with ${elsewhere.map(code).join(", ")}.
- \`model_path\` and \`processor_path\`: an absolute path, a \`file://\`, \`http(s)://\`, \`oss://\`, \`s3://\` or \`git+https://\` URL.
  The \`sluice\` command resolves a relative path against the folder of the JSON file; the API refuses it. The other forms:
  see the [guide to models](../guide/models.md).

${sections()}
## Other names

Older files and other clients write some fields elsewhere. They are moved to their place; what follows the name goes along, so
that \`rpc.keepalive\` at the top is \`metadata.rpc.keepalive\`.

| Written | Is |
| --- | --- |
${aliases.join("\n")}
`;
}

/** The published JSON Schema, as text. */
export function publishedSchema(): string {
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    ...publishedSpecSchema(),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

if (import.meta.main) {
  writeFileSync(join(REFERENCE_DIR, "service-json.md"), serviceReference());
  writeFileSync(join(REFERENCE_DIR, "service.schema.json"), publishedSchema());
}
