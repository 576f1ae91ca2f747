import { type Accepted, packageOf, readRequirements } from "../../core/spec/requirements.ts";
import { acceptedPackage, isAccepted } from "../../core/spec/version-range.ts";
import { FetchError } from "../../ports/files.ts";
import { identityOf, type PythonIdentity, versionsOf } from "./inspect.ts";
import type { EnvironmentLimits } from "./limits.ts";

/** Where distributions have the Python that their own packages are for. */
const SYSTEM_PYTHON = "/usr/bin/python3";

/** Pythons that environments are made of: `asked` (SLUICE_PYTHON), else the first in PATH; and that of the system. */
export const pythonsOf = (asked: string | undefined): [string, string] => [asked ?? "python3", SYSTEM_PYTHON];

/** What an environment is made of. */
export interface Base {
  readonly python: PythonIdentity;
  /** In normal form; of packages that the Python has in place of pinned ones, the versions that it has. */
  readonly lines: readonly string[];
  /** Names of those. */
  readonly taken: readonly string[];
}

interface Setting {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly limits: EnvironmentLimits;
  /** Ms since 1970. */
  readonly now: () => number;
}

interface Answer<T> {
  readonly atMs: number;
  readonly found: Promise<T>;
}

/** Finds the Python for a set of requirements. What they say of themselves is believed for a while: it may be another one under the same name then. */
export class BasePythons {
  readonly #pythons: readonly [string, ...string[]];
  readonly #setting: Setting;
  readonly #identities = new Map<string, Answer<PythonIdentity>>();
  readonly #versions = new Map<string, Answer<Record<string, string | null>>>();

  constructor(pythons: readonly [string, ...string[]], setting: Setting) {
    this.#pythons = pythons;
    this.#setting = setting;
  }

  /**
   * The first Python that has all of `accepts`, with what it has; else the first, with `lines`.
   * @throws FetchError when the first does not work
   */
  async of(lines: readonly string[], accepts: Accepted | undefined): Promise<Base> {
    for (const file of accepts === undefined ? [] : this.#pythons) {
      const has = await this.#packagesIn(file, accepts!.has).catch(() => null);
      if (has === null) continue;
      const read = readRequirements([...has, ...accepts!.adds].join("\n"));
      if (read.kind === "refused") continue;
      return { python: await this.#identityOf(file), lines: read.lines, taken: has.map(packageOf) };
    }
    return { python: await this.#identityOf(this.#pythons[0]), lines, taken: [] };
  }

  /** `torch==1.13.1` for each; null: one is not there, or of another version. */
  async #packagesIn(file: string, ranges: readonly string[]): Promise<readonly string[] | null> {
    const wanted = ranges.map(acceptedPackage);
    const names = wanted.map(({ name }) => name);
    const versions = await this.#ask(this.#versions, `${file} ${names}`, file, (run) =>
      versionsOf(run, names),
    );
    const found = wanted.map((range) => {
      const version = versions[range.name] ?? null;
      return version !== null && isAccepted(version, range) ? `${range.name}==${version}` : null;
    });
    return found.includes(null) ? null : (found as string[]);
  }

  #identityOf(file: string): Promise<PythonIdentity> {
    return this.#ask(this.#identities, file, file, identityOf);
  }

  #ask<T>(
    answers: Map<string, Answer<T>>,
    key: string,
    file: string,
    ask: (run: Parameters<typeof identityOf>[0]) => Promise<T>,
  ): Promise<T> {
    const { cwd, env, limits, now } = this.#setting;
    const known = answers.get(key);
    if (known !== undefined && now() - known.atMs < limits.identityMs) return known.found;
    const signal = AbortSignal.timeout(limits.identityMs);
    const found = ask({ file, cwd, env, limits, signal }).catch((error) => {
      answers.delete(key);
      throw signal.aborted ? new FetchError(`the Python ${file} does not answer`, true) : error;
    });
    answers.set(key, { atMs: now(), found });
    return found;
  }
}
