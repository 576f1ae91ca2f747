import type { ServiceName } from "../names.ts";
import type { DesiredState } from "../service.ts";
import { parseStored } from "./parse.ts";
import type { JsonObject, ServiceSpec, Source } from "./service-spec.ts";

/** One source, and the file that must be in it; null: none is asked for. */
export interface SourceUse {
  readonly source: Source;
  readonly entry: string | null;
}

/** What a spec needs from outside. */
export function sourcesOf({
  processor,
  model,
  warmUp,
}: Pick<ServiceSpec, "processor" | "model" | "warmUp">): SourceUse[] {
  const used: SourceUse[] = [];
  if ("source" in processor && processor.source !== null) {
    used.push({ source: processor.source, entry: "entry" in processor ? processor.entry : null });
  }
  if (model.source !== null) used.push({ source: model.source, entry: model.entry });
  if (warmUp !== null) used.push({ source: warmUp, entry: null });
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

/** Who refers to a source. */
export interface Referrer {
  readonly service: ServiceName;
  readonly version: number;
  readonly source: Source;
}

/** Every version of a service that names a source: the one in force, and those kept to go back to. */
export function referrers(state: DesiredState): Referrer[] {
  const kept = [...state.versions.values()].flat();
  const inForce = [...state.services.values()].map(({ name, version, document }) => ({
    service: name,
    version,
    document,
  }));
  const found = new Map<string, Referrer>();
  for (const { service, version, document } of [...kept, ...inForce]) {
    for (const { source } of readable(document))
      found.set(JSON.stringify([service, version, source]), { service, version, source });
  }
  return [...found.values()];
}

function readable(document: JsonObject): SourceUse[] {
  try {
    return sourcesOf(parseStored(document).spec);
  } catch {
    return [];
  }
}

/** Where it comes from, for people; without the query of a URL, which may hold a secret. */
export const sourceText = (source: Source): string =>
  source.kind === "path"
    ? source.path
    : source.url.replace(/[?#].*$/, "").replace(/^([a-z0-9+.-]+:\/\/)[^/]*@/i, "$1");
