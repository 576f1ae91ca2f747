import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Input } from "../../api/operations.ts";
import { type CliIo, Failure } from "../cli-io.ts";
import { withAbsolutePaths } from "../document.ts";
import { jsonTexts } from "./json-texts.ts";

/** Label that says to which set of documents something belongs: `sluice apply --set <name>`. */
export const SET_LABEL = "sluice.apply/set";

export type Labels = Readonly<Record<string, string>>;

interface Named {
  readonly name: string;
  /** Where it stands: `web/a.json`, or `web/a.json:12` when a file has several. */
  readonly source: string;
  /** What it says itself. */
  readonly labels: Labels;
}

/** A service as a service.json describes it. */
export interface ServiceDocument extends Named {
  readonly kind: "service";
  readonly group: string | null;
  /** As it is sent. */
  readonly text: string;
}

/** A group in the words of the API: `{"Name": …, "TrafficMode": …, "Sticky": …, "Labels": …}`. */
export interface GroupDocument extends Named {
  readonly kind: "group";
  readonly body: Pick<Input<"UpdateGroup">["body"], "TrafficMode" | "Sticky">;
}

export type Document = ServiceDocument | GroupDocument;

/**
 * All documents of files, of the `.json` files of folders (not of folders in them: models have JSON files, too), and of standard
 * input (`-`).
 * @throws Failure naming everything that cannot be read: half of the documents are none
 */
export async function readDocuments(
  sources: readonly string[],
  address: string,
  io: Pick<CliIo, "cwd" | "readInput">,
): Promise<Document[]> {
  const problems: string[] = [];
  const documents: Document[] = [];
  const reading = async (source: string, work: () => void | Promise<void>) => {
    try {
      await work();
    } catch (error) {
      const isMine = error instanceof Failure;
      problems.push(isMine ? error.message : `cannot read ${source}: ${(error as Error).message}`);
    }
  };
  const take = (source: string, folder: string, text: string) => {
    const texts = jsonTexts(text);
    if (texts.length === 0) problems.push(`${source}: there is nothing in it`);
    for (const { text: one, line } of texts) {
      const name = texts.length === 1 ? source : `${source}:${line}`;
      try {
        documents.push(readOne(one, { source: name, folder, address }));
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        problems.push(error.message);
      }
    }
  };
  for (const source of sources) {
    if (source === "-")
      await reading("standard input", async () =>
        take("standard input", io.cwd, new TextDecoder().decode(await io.readInput())),
      );
    else
      await reading(source, () => {
        for (const file of filesOf(source, io.cwd)) {
          const path = resolve(io.cwd, file);
          take(file, dirname(path), readFileSync(path, "utf8"));
        }
      });
  }
  problems.push(...twice(documents));
  if (problems.length > 0) throw new Failure(listed("nothing was changed, for", problems));
  return documents;
}

/** One problem in its line, several below each other. */
const listed = (begin: string, problems: readonly string[]) =>
  problems.length === 1
    ? `${begin} ${problems[0]}`
    : `${begin} ${problems.length} problems\n${problems.map((p) => `  ${p}`).join("\n")}`;

function filesOf(source: string, cwd: string): string[] {
  if (!statSync(resolve(cwd, source)).isDirectory()) return [source];
  const names = readdirSync(resolve(cwd, source), { withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && entry.name.endsWith(".json") && !entry.name.startsWith("."))
    .map((entry) => join(source, entry.name));
  return names.toSorted();
}

function twice(documents: readonly Document[]): string[] {
  // Services and groups share their names: both stand in an address.
  const byName = Map.groupBy(documents, (document) => document.name);
  return [...byName]
    .filter(([, same]) => same.length > 1)
    .map(([name, same]) => `${name} is described in ${same.map((d) => d.source).join(" and in ")}`);
}

type From = { readonly source: string; readonly folder: string; readonly address: string };

function readOne(text: string, from: From): Document {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Failure(`${from.source} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  if (!isMap(value)) throw new Failure(`${from.source}: found no JSON object`);
  return "Name" in value ? readGroup(value, from.source) : readService(text, value, from);
}

function readService(text: string, value: Readonly<Record<string, unknown>>, from: From): ServiceDocument {
  const metadata = isMap(value.metadata) ? value.metadata : {};
  const name = metadata.name ?? value["metadata.name"] ?? value.name;
  if (typeof name !== "string")
    throw new Failure(`${from.source} names no service and no group: it has neither metadata.name nor Name`);
  const group = metadata.group ?? value["metadata.group"];
  return {
    kind: "service",
    name,
    source: from.source,
    group: typeof group === "string" && group !== "" ? group : null,
    labels: labelsOf(value),
    text: withAbsolutePaths(text, from),
  };
}

/** As the server reads them: in one map, or with dotted names (eas-reference §1.0). */
function labelsOf(value: Readonly<Record<string, unknown>>): Labels {
  const dotted = Object.entries(value)
    .filter(([key]) => key.startsWith("labels."))
    .map(([key, label]) => [key.slice("labels.".length), label] as const);
  const all = [...Object.entries(isMap(value.labels) ? value.labels : {}), ...dotted];
  return Object.fromEntries(all.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

const GROUP_FIELDS = ["Name", "TrafficMode", "Sticky", "Labels"];

function readGroup(value: Readonly<Record<string, unknown>>, source: string): GroupDocument {
  const { Name, TrafficMode, Sticky, Labels: labels = {} } = value;
  const unknown = Object.keys(value).filter((key) => !GROUP_FIELDS.includes(key));
  const wrong = [
    ...unknown.map((key) => `$.${key}: an unknown field of a group; it has ${GROUP_FIELDS.join(", ")}`),
    ...(typeof Name === "string" && Name !== "" ? [] : ["$.Name: allowed: a name"]),
    ...(TrafficMode === undefined || TrafficMode === "auto" || TrafficMode === "customized"
      ? []
      : ["$.TrafficMode: allowed: auto, customized"]),
    ...(Sticky === undefined || typeof Sticky === "string" ? [] : ["$.Sticky: allowed: a text"]),
    ...(isMap(labels) && Object.values(labels).every((label) => typeof label === "string")
      ? []
      : ["$.Labels: allowed: names and texts"]),
  ];
  if (wrong.length > 0) throw new Failure(wrong.map((text) => `${source}: ${text}`).join("\n  "));
  return {
    kind: "group",
    name: Name as string,
    source,
    labels: labels as Labels,
    body: {
      ...(TrafficMode === undefined ? {} : { TrafficMode: TrafficMode as "auto" | "customized" }),
      ...(Sticky === undefined ? {} : { Sticky: Sticky as string }),
    },
  };
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * The text of a service.json with one more label. It is put in behind the first brace, in the same line: the server's messages go on
 * naming lines of the file, and a name that is there twice stays there twice.
 */
export function withLabel(text: string, key: string, value: string): string {
  const open = text.indexOf("{") + 1;
  const isEmpty = text.slice(open).trimStart().startsWith("}");
  const label = `${JSON.stringify(`labels.${key}`)}: ${JSON.stringify(value)}${isEmpty ? "" : ","}`;
  return text.slice(0, open) + label + text.slice(open);
}
