import { randomUUID } from "node:crypto";
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync } from "node:fs";
import { access, constants, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomicSync } from "../../base/atomic-file.ts";
import { isSameProcess, ownIdentity, parseIdentity } from "../../base/process-identity.ts";
import type { KeptEnvironment } from "../../ports/environments.ts";
import { killLeftOvers } from "./left-overs.ts";

/** A marker is the only thing that says an environment is done. */
const MARKER = /^([0-9a-f]{64})\.json$/;
/** Names the process that makes the folder of the same name. */
const OWNER = /^(.+)\.owner$/;
/** Characters of the address in a folder's name: the first line of scripts has room for 127 bytes on old kernels. */
const SHOWN = 12;

type Marker = Omit<KeptEnvironment, "address" | "folder" | "usedAtMs"> & { readonly name: string };

/**
 * `<root>/<address>.json` says that an environment is done and in which folder beside it; its time is the last use. A folder that no
 * marker names is what a killed process left, unless its `<name>.owner` names one that lives. Environments cannot be renamed, since their
 * scripts name their place: the marker is.
 */
export class Kept {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
    mkdirSync(root, { recursive: true, mode: 0o700 });
    this.#sweep();
  }

  #sweep(): void {
    const names = readdirSync(this.#root);
    const folders = new Set(
      names.filter((n) => MARKER.test(n)).map((n) => readMarker(readOr(join(this.#root, n)))?.name),
    );
    for (const name of names) {
      if (MARKER.test(name) || folders.has(name) || this.#isUnderWay(name)) continue;
      if (!OWNER.test(name)) killLeftOvers(join(this.#root, name));
      rmSync(join(this.#root, name), { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
    }
  }

  /** Another process that lives is at it; what this one was at before is over, since it begins. */
  #isUnderWay(name: string): boolean {
    const owner = parseIdentity(readOr(this.#owner(OWNER.exec(name)?.[1] ?? name)));
    return owner !== null && owner.pid !== process.pid && isSameProcess(owner);
  }

  /** A folder that nothing has had before, and that nobody takes away while this process lives. */
  newFolder(address: string): string {
    const name = `${address.slice(0, SHOWN)}-${randomUUID().slice(0, 8)}`;
    writeFileAtomicSync(this.#owner(name), JSON.stringify(ownIdentity()), 0o600);
    const folder = join(this.#root, name);
    mkdirSync(folder, { mode: 0o700 });
    return folder;
  }

  /** One that did not come to be, or that somebody else made meanwhile. */
  async discard(folder: string): Promise<void> {
    await rm(folder, { recursive: true, force: true });
    await rm(`${folder}.owner`, { force: true });
  }

  /**
   * From now on it is there, unless another process was first: then its folder is discarded. Resolves to the folder of the one that is.
   * The marker appears whole, as a second name of a file in the folder, and only one process can give it that name.
   */
  async add(environment: KeptEnvironment): Promise<string> {
    const { address, folder, python, base, requirements, packages, notes = [], bytes } = environment;
    const name = folder.slice(this.#root.length + 1);
    const marker: Marker = { name, python, ...(base ? { base } : {}), requirements, packages, notes, bytes };
    const file = join(folder, "sluice.json");
    await writeFile(file, JSON.stringify(marker), { mode: 0o600 });
    try {
      linkSync(file, this.#marker(address));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const first = await this.find(address);
      if (first !== null) {
        await this.discard(folder);
        return first.folder;
      }
      renameSync(file, this.#marker(address)); // that one does not work any more
    }
    await rm(`${folder}.owner`, { force: true });
    return folder;
  }

  find(address: string): Promise<KeptEnvironment | null> {
    return findIn(this.#root, address);
  }

  use(address: string, nowMs: number): void {
    utimesSync(this.#marker(address), nowMs / 1000, nowMs / 1000);
  }

  /** Newest use first. */
  list(): Promise<KeptEnvironment[]> {
    return listIn(this.#root);
  }

  /** It is gone for everybody at once; its files go after that. */
  async remove({ address, folder }: KeptEnvironment): Promise<void> {
    const trash = `${folder}.gone`;
    rmSync(this.#marker(address), { force: true });
    renameSync(folder, trash);
    await rm(trash, { recursive: true, force: true });
  }

  #owner(name: string): string {
    return join(this.#root, `${name}.owner`);
  }

  #marker(address: string): string {
    return join(this.#root, `${address}.json`);
  }
}

/** Null: it is not there, or does not work any more, as its Python has gone. */
export async function findIn(root: string, address: string): Promise<KeptEnvironment | null> {
  const marker = await read(root, address);
  if (marker === null) return null;
  const works = access(join(marker.folder, "bin", "python"), constants.X_OK);
  return works.then(
    () => marker,
    () => null,
  );
}

/** Newest use first; none where there is no such folder. */
export async function listIn(root: string): Promise<KeptEnvironment[]> {
  const names = await readdir(root).catch(() => []);
  const addresses = names.flatMap((name) => MARKER.exec(name)?.[1] ?? []);
  const all = await Promise.all(addresses.map((address) => read(root, address)));
  return all.filter((e) => e !== null).toSorted((a, b) => b.usedAtMs - a.usedAtMs);
}

async function read(root: string, address: string): Promise<KeptEnvironment | null> {
  const path = join(root, `${address}.json`);
  const marker = readMarker(await readFile(path, "utf8").catch(() => ""));
  const usedAtMs = (await stat(path).catch(() => null))?.mtimeMs;
  if (marker === null || usedAtMs === undefined) return null;
  const { name, ...rest } = marker;
  return { ...rest, address, folder: join(root, name), usedAtMs };
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function readMarker(text: string): Marker | null {
  try {
    const marker = JSON.parse(text) as Marker;
    return /^[0-9a-f]{12}-[0-9a-f]{8}$/.test(marker.name) ? marker : null;
  } catch {
    return null;
  }
}

/** Bytes of the files of an environment. */
export async function bytesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  let bytes = 0;
  for (const entry of entries) {
    if (entry.isFile())
      bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => null))?.size ?? 0;
  }
  return bytes;
}
