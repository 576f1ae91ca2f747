import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { SharedWork } from "../../base/shared-work.ts";
import { readRequirements, withoutPasswords } from "../../core/spec/requirements.ts";
import type {
  KeptEnvironment,
  PythonEnvironments,
  ReferencedEnvironments,
  WantedEnvironment,
} from "../../ports/environments.ts";
import { FetchError } from "../../ports/files.ts";
import { type Base, BasePythons } from "./base-python.ts";
import { buildEnvironment } from "./build.ts";
import { bytesIn, findIn, Kept, listIn } from "./kept.ts";
import { ENVIRONMENT_LIMITS, type EnvironmentLimits } from "./limits.ts";
import { environmentForPip } from "./run-python.ts";

/** Changes when environments are made in another way. */
const FORMAT = 1;

export interface EnvironmentsOptions {
  /** Folder of all environments. Several processes may make some in it; one at most removes those that nobody uses. */
  readonly root: string;
  /** Folder of environments that another made: used where they fit, and never changed. Null: none. */
  readonly prepared: string | null;
  /** The Pythons that environments may be made of, the one for all that nothing else is said of first. */
  readonly pythons: readonly [string, ...string[]];
  readonly env: NodeJS.ProcessEnv;
  readonly bytesMax: number;
  readonly references: ReferencedEnvironments;
  readonly limits?: Partial<EnvironmentLimits>;
  /** Ms since 1970. */
  readonly now: () => number;
}

/** Virtual environments by the hash of what they are made of. One is made at a time. */
export class VirtualEnvironments implements PythonEnvironments {
  readonly #options: EnvironmentsOptions;
  readonly #limits: EnvironmentLimits;
  readonly #env: NodeJS.ProcessEnv;
  readonly #kept: Kept;
  readonly #work = new SharedWork();
  /** Of looks and removals, which are short. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Of making one, which is not. */
  #making: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  readonly #bases: BasePythons;

  constructor(options: EnvironmentsOptions) {
    this.#options = options;
    this.#limits = { ...ENVIRONMENT_LIMITS, ...options.limits };
    this.#env = environmentForPip(options.env);
    this.#kept = new Kept(options.root);
    const { pythons, root, now } = options;
    this.#bases = new BasePythons(pythons, { cwd: root, env: this.#env, limits: this.#limits, now });
  }

  get bytesMax(): number {
    return this.#options.bytesMax;
  }

  async prepare(
    wanted: WantedEnvironment,
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<string> {
    const base = await this.#baseOf(wanted);
    signal.throwIfAborted();
    const address = addressOf(base);
    const run = (say: (line: string) => void, end: AbortSignal) => this.#give(address, base, say, end);
    return this.#work.do(address, run, onProgress, signal);
  }

  async addressOf(wanted: WantedEnvironment): Promise<string> {
    return addressOf(await this.#baseOf(wanted));
  }

  async list(): Promise<readonly KeptEnvironment[]> {
    const { prepared } = this.#options;
    const others = prepared === null ? [] : await listIn(prepared);
    const hidden = new Set(others.map((e) => e.address));
    return [...(await this.#kept.list()).filter((e) => !hidden.has(e.address)), ...others];
  }

  async remove(address: string): Promise<"removed" | "in-use" | "not-found"> {
    return this.#inTurn(async () => {
      const found = (await this.#kept.list()).find((e) => e.address === address);
      const { prepared } = this.#options;
      if (prepared !== null && (await findIn(prepared, address)) !== null) return "in-use"; // by whoever made it
      if (found === undefined) return "not-found";
      if ((await this.#isInUse())(found)) return "in-use";
      await this.#kept.remove(found);
      return "removed";
    });
  }

  async #give(
    address: string,
    base: Base,
    say: (line: string) => void,
    signal: AbortSignal,
  ): Promise<string> {
    const kept = await this.#inTurn(() => this.#useKept(address));
    for (const note of kept?.notes ?? []) say(note);
    if (kept !== null) return kept.folder;
    if (this.#waiting > 0) say("Waiting until another Python environment is made");
    this.#waiting += 1;
    const made = this.#making.then(async () => {
      signal.throwIfAborted();
      const folder = await this.#make(address, base, say, signal);
      await this.#inTurn(() => this.#makeRoom(address));
      return folder;
    });
    this.#making = made.catch(() => {}).finally(() => (this.#waiting -= 1));
    return made;
  }

  async #useKept(address: string): Promise<KeptEnvironment | null> {
    const { prepared } = this.#options;
    const found = prepared === null ? null : await findIn(prepared, address);
    if (found !== null) return found;
    const kept = await this.#kept.find(address);
    if (kept !== null) this.#kept.use(address, this.#options.now());
    return kept;
  }

  async #make(
    address: string,
    { python, lines, taken }: Base,
    say: (line: string) => void,
    signal: AbortSignal,
  ): Promise<string> {
    const { now } = this.#options;
    const folder = this.#kept.newFolder(address);
    const late = AbortSignal.timeout(this.#limits.buildMs);
    try {
      const job = {
        python: python.executable,
        folder,
        lines,
        taken,
        env: this.#env,
        limits: this.#limits,
        say,
        now,
      };
      const { packages, notes } = await buildEnvironment({ ...job, signal: AbortSignal.any([signal, late]) });
      const requirements = lines.map(withoutPasswords);
      const bytes = await bytesIn(folder);
      const kept = await this.#kept.add({
        address,
        folder,
        python: python.version,
        base: python.executable,
        requirements,
        packages,
        notes,
        bytes,
        usedAtMs: now(),
      });
      this.#kept.use(address, now());
      return kept;
    } catch (error) {
      await this.#kept.discard(folder);
      if (late.aborted && !signal.aborted)
        throw new FetchError(`pip was not done after ${this.#limits.buildMs / 60_000} minutes`, true);
      throw error;
    }
  }

  /** Removes what nobody uses, the longest unused first, until the rest is within the bound. */
  async #makeRoom(fresh: string): Promise<void> {
    const all = await this.#kept.list();
    let bytes = all.reduce((sum, e) => sum + e.bytes, 0);
    if (bytes <= this.bytesMax) return;
    const isInUse = await this.#isInUse();
    for (const environment of all.toReversed()) {
      if (bytes <= this.bytesMax) return;
      if (environment.address === fresh || isInUse(environment)) continue;
      await this.#kept.remove(environment);
      bytes -= environment.bytes;
    }
  }

  async #isInUse(): Promise<(environment: KeptEnvironment) => boolean> {
    const { references } = this.#options;
    // What cannot be read leads to nothing.
    const wanted = await Promise.all(
      (await references.environments()).map((w) => this.addressOf(w).catch(() => null)),
    );
    // Last, so that what was given to somebody meanwhile is among them.
    const paths = await references.pathsInUse();
    return ({ address, folder }) => wanted.includes(address) || paths.includes(folder);
  }

  async #baseOf(wanted: WantedEnvironment): Promise<Base> {
    return this.#bases.of(await this.#linesOf(wanted), wanted.accepts);
  }

  async #linesOf({ lines, file }: WantedEnvironment): Promise<readonly string[]> {
    const all = [...lines];
    if (file !== null) all.push(...(await this.#readFile(file)));
    const read = readRequirements(all.join("\n"));
    if (read.kind === "read") return read.lines;
    throw new FetchError(`line ${read.line}: found ${read.found}, allowed: ${read.allowed}`, false);
  }

  async #readFile(file: string): Promise<readonly string[]> {
    let text: string;
    try {
      text = await readFile(file, "utf8");
    } catch (error) {
      throw new FetchError(`${file} cannot be read: ${(error as Error).message}`, false, { cause: error });
    }
    if (text.length > this.#limits.fileCharsMax)
      throw new FetchError(`${file} is no requirements file: it is too long`, false);
    const read = readRequirements(text);
    if (read.kind === "read") return read.lines;
    throw new FetchError(`${file}, line ${read.line}: found ${read.found}, allowed: ${read.allowed}`, false);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }
}

function addressOf({ lines, python: { version, platform, prefix } }: Base): string {
  return createHash("sha256")
    .update(JSON.stringify([FORMAT, lines, version, platform, prefix]))
    .digest("hex");
}
