import { type FSWatcher, readdirSync, statSync, watch } from "node:fs";
import { join } from "node:path";
import type { InstanceSpec } from "../../core/instance-spec.ts";
import type { InstanceId } from "../../core/names.ts";
import { readJson, readLivingOwner } from "./run-folder.ts";

/** How often everything is looked at anyway: file watches may be lost or refused, and a kill -9 writes no file. */
const LOOK_MS = 500;
const WATCHED_FILES = new Set(["state.json", "exit.json", "process.json"]);

/** Says which instances may have changed: by file watches, by what the driver tells, and by a look twice a second. */
export class HintSource {
  readonly #parent: string;
  readonly #readers = new Set<(id: InstanceId) => void>();

  constructor(parent: string) {
    this.#parent = parent;
  }

  /** The driver itself changed this one. */
  tell(id: InstanceId): void {
    for (const reader of this.#readers) reader(id);
  }

  /** Ends without an error when the signal is aborted. An id that was not taken yet is not added a second time. */
  async *read(signal: AbortSignal): AsyncGenerator<InstanceId> {
    const pending = new Set<InstanceId>();
    let wake = () => {};
    const add = (id: InstanceId) => {
      pending.add(id);
      wake();
    };
    const eyes = new FolderEyes(this.#parent, add);
    const onAbort = () => wake();
    this.#readers.add(add);
    signal.addEventListener("abort", onAbort);
    try {
      while (!signal.aborted) {
        for (const id of pending) {
          pending.delete(id);
          yield id;
          if (signal.aborted) return;
        }
        if (pending.size > 0) continue;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#readers.delete(add);
      eyes.close();
    }
  }
}

/** Watches the instance folders below one folder. */
class FolderEyes {
  readonly #parent: string;
  readonly #add: (id: InstanceId) => void;
  readonly #watchers = new Map<string, FSWatcher>();
  /** What was seen of each folder at the last look, and whose it is. */
  readonly #seen = new Map<string, { readonly id: InstanceId; readonly mark: string }>();
  readonly #timer: NodeJS.Timeout;

  constructor(parent: string, add: (id: InstanceId) => void) {
    this.#parent = parent;
    this.#add = add;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#watch(".", parent, () => this.#look());
    this.#look();
  }

  close(): void {
    clearInterval(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
  }

  #look(): void {
    let names: string[];
    try {
      names = readdirSync(this.#parent);
    } catch {
      names = []; // The home was removed under us: everything is gone.
    }
    for (const name of names) this.#lookAt(name);
    const there = new Set(names);
    for (const [name, { id }] of this.#seen) {
      if (there.has(name)) continue;
      this.#seen.delete(name);
      this.#watchers.get(name)?.close();
      this.#watchers.delete(name);
      this.#add(id);
    }
  }

  #lookAt(name: string): void {
    const folder = join(this.#parent, name);
    const known = this.#seen.get(name);
    const id = known?.id ?? readJson<InstanceSpec>(join(folder, "spec.json"))?.id;
    if (id === undefined) return;
    const mark = markOf(folder);
    if (known?.mark === mark) return;
    this.#seen.set(name, { id, mark });
    this.#add(id);
    this.#watch(name, folder, (file) => {
      if (WATCHED_FILES.has(file)) this.#lookAt(name);
    });
  }

  #watch(name: string, folder: string, onChange: (file: string) => void): void {
    if (this.#watchers.has(name)) return;
    try {
      const watcher = watch(folder, (_event, file) => onChange(file ?? ""));
      const forget = () => {
        watcher.close();
        this.#watchers.delete(name);
      };
      watcher.on("error", forget);
      this.#watchers.set(name, watcher);
    } catch {
      // No inotify watches left on this machine, or the folder is gone: the look twice a second finds it.
    }
  }
}

/** Differs when the process is another or dead, or when its files were replaced. */
function markOf(folder: string): string {
  const files = ["state.json", "exit.json"].map((file) => {
    const stat = statSync(join(folder, file), { throwIfNoEntry: false, bigint: true });
    return stat === undefined ? "-" : `${stat.ino}.${stat.mtimeNs}`;
  });
  const owner = readLivingOwner(folder);
  return [owner?.pid, owner?.startTicks, ...files].join(" ");
}
