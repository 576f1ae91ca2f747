import type { DesiredState } from "../service.ts";
import { parseSpec } from "./parse.ts";
import type { JsonObject, ServiceSpec, Source } from "./service-spec.ts";

/** One source, and the file that must be in it; null: none is asked for. */
export interface SourceUse {
  readonly source: Source;
  readonly entry: string | null;
}

/** What a spec needs from outside. */
export function sourcesOf({ processor, model }: Pick<ServiceSpec, "processor" | "model">): SourceUse[] {
  const used: SourceUse[] = [];
  if ("source" in processor && processor.source !== null) {
    used.push({ source: processor.source, entry: "entry" in processor ? processor.entry : null });
  }
  if (model.source !== null) used.push({ source: model.source, entry: model.entry });
  return used;
}

/** Sources that a service or a kept version of one names, each once. A document that cannot be read names none. */
export function referencedSources(state: DesiredState): Source[] {
  const found = new Map<string, Source>();
  const add = (document: JsonObject) => {
    for (const { source } of readable(document)) found.set(JSON.stringify(source), source);
  };
  for (const record of state.services.values()) add(record.document);
  for (const version of [...state.versions.values()].flat()) add(version.document);
  return [...found.values()];
}

function readable(document: JsonObject): SourceUse[] {
  try {
    return sourcesOf(parseSpec(document).spec);
  } catch {
    return [];
  }
}

/** Where it comes from, for people; without the query of a URL, which may hold a secret. */
export const sourceText = (source: Source): string =>
  source.kind === "path" ? source.path : source.url.replace(/[?#].*$/, "");
