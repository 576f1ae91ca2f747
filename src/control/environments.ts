import { ServingError } from "../core/errors.ts";
import type { ServiceName } from "../core/names.ts";
import type { DesiredState } from "../core/service.ts";
import { parseSpec, parseStored } from "../core/spec/parse.ts";
import { readRequirements } from "../core/spec/requirements.ts";
import type { JsonObject, ServiceSpec } from "../core/spec/service-spec.ts";
import type { KeptEnvironment, PythonEnvironments, WantedEnvironment } from "../ports/environments.ts";
import { FetchError } from "../ports/files.ts";

/** Builds that failed and are still told of. */
const FAILED_MAX = 20;
/** Progress lines kept of one build. */
const LINES_MAX = 15;

/** What is to be made: lines, or what a service.json asks for. */
export type EnvironmentOrder = { readonly lines: readonly string[] } | { readonly document: unknown };

/** The environments of this machine. */
export interface Environments {
  /** Bytes over which those that nobody uses go. */
  readonly bytesMax: number;
  /** What is there, the newest used first. */
  readonly kept: readonly (KeptEnvironment & { readonly referrers: readonly EnvironmentReferrer[] })[];
  /** What was ordered by itself and is not there. */
  readonly builds: readonly EnvironmentBuild[];
}

export interface EnvironmentReferrer {
  readonly service: ServiceName;
  readonly version: number;
}

/** One that somebody ordered: under way, or failed. */
export interface EnvironmentBuild {
  readonly address: string;
  readonly progress: readonly string[];
  /** Why it failed; null: it is under way. */
  readonly failure: string | null;
}

interface Build extends EnvironmentBuild {
  readonly end: AbortController;
}

/** Owner of environments that are made because somebody ordered them, and not for a service. */
export class EnvironmentBuilds {
  readonly #environments: PythonEnvironments;
  readonly #all = new Map<string, Build>();
  readonly #running = new Set<Promise<void>>();

  constructor(environments: PythonEnvironments) {
    this.#environments = environments;
  }

  async list(state: DesiredState): Promise<Environments> {
    const all = await Promise.all(
      versionsOf(state).map(async ({ service, version, wanted }) => {
        const address = await this.#environments.addressOf(wanted).catch(() => null);
        return { service, version, address };
      }),
    );
    const kept = (await this.#environments.list()).map((environment) => ({
      ...environment,
      referrers: all
        .filter((r) => r.address === environment.address)
        .map(({ service, version }) => ({ service, version }))
        .toSorted((a, b) => a.service.localeCompare(b.service) || a.version - b.version),
    }));
    const isThere = new Set(kept.map((k) => k.address));
    const builds = [...this.#all.values()].filter((b) => !isThere.has(b.address));
    return { bytesMax: this.#environments.bytesMax, kept, builds };
  }

  /** @throws ServingError INVALID_SPEC, INVALID_ARGUMENT */
  async begin(order: EnvironmentOrder): Promise<string> {
    const wanted = "lines" in order ? wantedOfLines(order.lines) : wantedOfDocument(order.document);
    let address: string;
    try {
      address = await this.#environments.addressOf(wanted);
    } catch (error) {
      if (!(error instanceof FetchError)) throw error;
      throw refused("$.Requirements", error.message, "requirements that can be read, and a Python");
    }
    if (this.#all.get(address)?.failure !== null) {
      const build: Build = { address, progress: [], failure: null, end: new AbortController() };
      this.#set(build);
      const running = this.#run(build, wanted).finally(() => this.#running.delete(running));
      this.#running.add(running);
    }
    return address;
  }

  /** @throws ServingError ENVIRONMENT_NOT_FOUND, ENVIRONMENT_IN_USE */
  async remove(address: string): Promise<void> {
    const build = this.#all.get(address);
    build?.end.abort(new Error("it is no longer wanted"));
    this.#all.delete(address);
    const result = await this.#environments.remove(address);
    if (result === "in-use") throw new ServingError("ENVIRONMENT_IN_USE", { environment: address });
    if (result === "not-found" && build === undefined)
      throw new ServingError("ENVIRONMENT_NOT_FOUND", { environment: address });
  }

  async close(): Promise<void> {
    for (const { end } of this.#all.values()) end.abort(new Error("Sluice ends"));
    await Promise.allSettled([...this.#running]);
  }

  async #run({ address, end }: Build, wanted: WantedEnvironment): Promise<void> {
    const change = (next: Partial<EnvironmentBuild>) => {
      const build = this.#all.get(address);
      if (build?.end === end) this.#set({ ...build, ...next });
    };
    const say = (line: string) => {
      const before = this.#all.get(address)?.progress ?? [];
      change({ progress: [...before, line].slice(-LINES_MAX) });
    };
    try {
      await this.#environments.prepare(wanted, say, end.signal);
      if (this.#all.get(address)?.end === end) this.#all.delete(address);
    } catch (error) {
      change({ failure: error instanceof Error ? error.message : String(error) });
    }
  }

  #set(build: Build): void {
    this.#all.set(build.address, build);
    const failed = [...this.#all.values()].filter((b) => b.failure !== null);
    for (const { address } of failed.slice(0, Math.max(0, failed.length - FAILED_MAX)))
      this.#all.delete(address);
  }
}

/** What services and kept versions ask for, as far as it can be told without bringing files. */
export const wantedEnvironments = (state: DesiredState): WantedEnvironment[] =>
  versionsOf(state).map(({ wanted }) => wanted);

function versionsOf(state: DesiredState): (EnvironmentReferrer & { readonly wanted: WantedEnvironment })[] {
  const inForce = [...state.services.values()].map(({ name, version, document }) => ({
    service: name,
    version,
    document,
  }));
  const found = new Map<string, EnvironmentReferrer & { readonly wanted: WantedEnvironment }>();
  for (const { service, version, document } of [...[...state.versions.values()].flat(), ...inForce]) {
    const wanted = readable(document);
    if (wanted !== null) found.set(`${service} ${version}`, { service, version, wanted });
  }
  return [...found.values()];
}

function readable(document: JsonObject): WantedEnvironment | null {
  try {
    return wantedOf(parseStored(document).spec);
  } catch {
    return null;
  }
}

/** Null: nothing, or what cannot be told before its files are here. */
function wantedOf({ processor }: ServiceSpec): WantedEnvironment | null {
  if (processor.requirements === undefined) return null;
  const { lines, file, accepts } = processor.requirements;
  if (file === null || file.startsWith("/")) return { lines, file, accepts };
  return processor.kind !== "builtin" && processor.source?.kind === "path"
    ? { lines, file: `${processor.source.path}/${file}` }
    : null;
}

function wantedOfLines(lines: readonly string[]): WantedEnvironment {
  const read = readRequirements(lines.join("\n"));
  if (read.kind === "refused") throw refused(`$.Requirements[${read.line - 1}]`, read.found, read.allowed);
  if (read.lines.length === 0) throw refused("$.Requirements", "no requirement", "at least one");
  return { lines: read.lines, file: null };
}

function wantedOfDocument(document: unknown): WantedEnvironment {
  const wanted = wantedOf(parseSpec(document).spec);
  if (wanted !== null) return wanted;
  throw refused(
    "$.Document",
    "a service without Python requirements, or with a file of them that is inside of an archive",
    "requirements of a Python processor, or containers[0].prepare",
  );
}

const refused = (path: string, found: string, allowed: string) =>
  new ServingError("INVALID_ARGUMENT", { problems: [{ path, found, allowed }] });
