import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync } from "node:fs";
import { access, constants, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../base/atomic-file.ts";
import type { KeptEnvironment } from "../../ports/environments.ts";

/** A marker is the only thing that says an environment is done. */
const MARKER = /^([0-9a-f]{64})\.json$/;
/** Characters of the address in a folder's name: the first line of scripts has room for 127 bytes on old kernels. */
const SHOWN = 12;

type Marker = Omit<KeptEnvironment, "address" | "folder" | "usedAtMs"> & { readonly name: string };

/**
 * `<root>/<address>.json` says that an environment is done and in which folder beside it; its time is the last use. A folder that no
 * marker names is what a killed process left. Environments cannot be renamed, since their scripts name their place: the marker is.
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
      if (MARKER.test(name) || folders.has(name)) continue;
      rmSync(join(this.#root, name), { recursive: true, force: true });
    }
  }

  /** A folder that nothing has had before. */
  newFolder(address: string): string {
    const folder = join(this.#root, `${address.slice(0, SHOWN)}-${randomUUID().slice(0, 8)}`);
    mkdirSync(folder, { mode: 0o700 });
    return folder;
  }

  /** From now on it is there. */
  async add(environment: KeptEnvironment): Promise<void> {
    const { address, folder, python, requirements, packages, bytes } = environment;
    const marker: Marker = {
      name: folder.slice(this.#root.length + 1),
      python,
      requirements,
      packages,
      bytes,
    };
    await writeFileAtomic(this.#marker(address), JSON.stringify(marker), 0o600);
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
