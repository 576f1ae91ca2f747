import { chmodSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomicSync } from "../base/atomic-file.ts";
import { isSameProcess, ownIdentity, parseIdentity } from "../base/process-identity.ts";
import type { InstanceSpec, InstanceState, LimitsInForce } from "../core/instance-spec.ts";
import type { InstanceWork } from "../core/instance-work.ts";
import type { InstanceExit } from "../core/service.ts";

/** The folder of one instance in the run directory (docs/internals/protocols.md), as its engine uses it. */
export class InstanceDir {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get dataSocket(): string {
    return join(this.path, "data.sock");
  }

  get workerSocket(): string {
    return join(this.path, "worker.sock");
  }

  get accessFile(): string {
    return join(this.path, "access.json");
  }

  /** The process that a command began with, for whoever has to end what is left of it. */
  get commandFile(): string {
    return join(this.path, "command.json");
  }

  readSpec(): InstanceSpec {
    const spec = JSON.parse(readFileSync(join(this.path, "spec.json"), "utf8")) as InstanceSpec;
    const limits = this.#readIfThere(join(this.path, "limits.json")); // written by a runtime that knows control groups
    const memory = limits === null ? "rlimit" : (JSON.parse(limits) as LimitsInForce).memory;
    return memory === "rlimit" ? spec : { ...spec, limits: { ...spec.limits, isMemoryHeld: true } };
  }

  /** Makes this process the engine of the folder. False when another one lives in it. */
  claim(): boolean {
    const file = join(this.path, "process.json");
    const owner = this.#readIfThere(file);
    const identity = owner === null ? null : parseIdentity(owner);
    const own = ownIdentity();
    if (identity !== null && identity.pid !== own.pid && isSameProcess(identity)) return false;
    for (const name of ["data.sock", "worker.sock", "exit.json", "state.json", "work.json", "command.json"])
      rmSync(join(this.path, name), { force: true });
    chmodSync(this.path, 0o700); // data.sock asks for no token: the folder is what guards it
    writeFileAtomicSync(file, JSON.stringify(own), 0o600);
    return true;
  }

  writeState(state: InstanceState): void {
    writeFileAtomicSync(join(this.path, "state.json"), JSON.stringify(state), 0o600);
  }

  writeWork(work: InstanceWork): void {
    writeFileAtomicSync(join(this.path, "work.json"), JSON.stringify(work), 0o600);
  }

  /** `atMs` repeats `finishedAtMs` under the name of docs/internals/protocols.md. */
  writeExit(exit: InstanceExit): void {
    writeFileAtomicSync(
      join(this.path, "exit.json"),
      JSON.stringify({ ...exit, atMs: exit.finishedAtMs }),
      0o600,
    );
  }

  #readIfThere(file: string): string | null {
    try {
      return readFileSync(file, "utf8");
    } catch {
      return null;
    }
  }
}
