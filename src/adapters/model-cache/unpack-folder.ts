import { constants } from "node:fs";
import { chmod, link, mkdir, open, realpath, rename, stat, symlink } from "node:fs/promises";
import { dirname, isAbsolute, join, sep } from "node:path";
import { FetchError } from "../../ports/files.ts";
import type { CacheLimits } from "./limits.ts";

/** Longest name of a link's target; PATH_MAX of Linux. */
export const LINK_TARGET_BYTES_MAX = 4096;

type EntryKind = "file" | "folder" | "symlink";

/**
 * A folder that an archive is unpacked into, and nothing of it beside. Refuses names and links that lead outside,
 * names given twice, names below a link, and more than the limits allow. Symbolic links are made last, so no file can be
 * written through one; then each is followed, and must end inside.
 */
export class UnpackFolder {
  readonly #root: string;
  readonly #limits: CacheLimits;
  readonly #bytesMax: number;
  readonly #kinds = new Map<string, EntryKind>();
  readonly #symlinks: { readonly name: string; readonly target: string }[] = [];
  #entryCount = 0;
  #bytes = 0;

  /** `root` exists and is empty. `archiveBytes`: size of the archive, which bounds what may come out of it. */
  constructor(root: string, archiveBytes: number, limits: CacheLimits) {
    this.#root = root;
    this.#limits = limits;
    const byRatio = Math.max(limits.unpackedBytesFree, archiveBytes * limits.unpackedRatioMax);
    this.#bytesMax = Math.min(limits.unpackedBytesMax, byRatio);
  }

  async addFolder(rawName: string): Promise<void> {
    const name = this.#enter(rawName);
    if (name !== "") await this.#makeFolders(name);
  }

  /** Writes a file from its pieces. `mode`: only whether it may be executed is kept. */
  async addFile(rawName: string, mode: number, content: AsyncIterable<Uint8Array>): Promise<void> {
    const name = await this.#enterNew(rawName, "file");
    // Not through a link, and not over anything: even if this program were wrong about what is there.
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const path = join(this.#root, name);
    const file = await open(path, flags, 0o600);
    try {
      for await (const bytes of content) {
        this.#count(bytes.length);
        await file.writeFile(bytes);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await chmod(path, (mode & 0o111) === 0 ? 0o644 : 0o755);
  }

  /** Moves a file in that is on the same disk, and durable. */
  async takeFile(rawName: string, file: string): Promise<void> {
    const name = await this.#enterNew(rawName, "file");
    this.#count((await stat(file)).size);
    await chmod(file, 0o644);
    await rename(file, join(this.#root, name));
  }

  async addSymlink(rawName: string, target: string): Promise<void> {
    if (isAbsolute(target)) throw refused(`the link ${shown(rawName)} points outside, to ${shown(target)}`);
    const name = await this.#enterNew(rawName, "symlink");
    this.#symlinks.push({ name, target });
  }

  /** A second name for a file that the archive had before. */
  async addHardLink(rawName: string, rawTarget: string): Promise<void> {
    const target = normalName(rawTarget, `the link ${shown(rawName)} points outside, to ${shown(rawTarget)}`);
    if (this.#kinds.get(target) !== "file") {
      throw refused(
        `the link ${shown(rawName)} points to ${shown(rawTarget)}, which is no file before it in the archive`,
      );
    }
    const name = await this.#enterNew(rawName, "file");
    await link(join(this.#root, target), join(this.#root, name));
  }

  /** Makes the links, checks where they lead, and brings all names to the disk. Call once, last. */
  async finish(): Promise<void> {
    if (this.#kinds.size === 0) throw refused("it is empty");
    for (const { name, target } of this.#symlinks) await symlink(target, join(this.#root, name));
    const root = await realpath(this.#root);
    for (const { name, target } of this.#symlinks) {
      const end = await realpath(join(this.#root, name)).catch(() => null);
      if (end === null) throw refused(`the link ${shown(name)} points to nothing, at ${shown(target)}`);
      if (end !== root && !end.startsWith(root + sep)) {
        throw refused(`the link ${shown(name)} points outside, to ${shown(target)}`);
      }
    }
    for (const [name, kind] of this.#kinds) if (kind === "folder") await syncFolder(join(root, name));
    await syncFolder(root);
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#bytesMax)
      throw refused(`it unpacks to more than ${this.#bytesMax} bytes, the limit for an archive of its size`);
  }

  /** Counts an entry and answers its name without `.` and double slashes. */
  #enter(rawName: string): string {
    this.#entryCount += 1;
    if (this.#entryCount > this.#limits.entriesMax) {
      throw refused(`it has more than ${this.#limits.entriesMax} entries`);
    }
    return normalName(rawName, `the name ${shown(rawName)} leads outside`);
  }

  async #enterNew(rawName: string, kind: EntryKind): Promise<string> {
    const name = this.#enter(rawName);
    if (name === "" || this.#kinds.has(name)) throw refused(`the name ${shown(rawName)} is in it twice`);
    const parent = dirname(name);
    if (parent !== ".") await this.#makeFolders(parent);
    this.#kinds.set(name, kind);
    return name;
  }

  async #makeFolders(name: string): Promise<void> {
    const segments = name.split("/");
    for (let depth = 1; depth <= segments.length; depth++) {
      const folder = segments.slice(0, depth).join("/");
      const kind = this.#kinds.get(folder);
      if (kind === "folder") continue;
      if (kind !== undefined) throw refused(`the name ${shown(name)} is below a ${kind}, ${shown(folder)}`);
      await mkdir(join(this.#root, folder), 0o755);
      this.#kinds.set(folder, "folder");
    }
  }
}

/** Names are durable when their folder is. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** A fault of the archive, which trying again does not mend. */
export function refused(text: string): FetchError {
  return new FetchError(text, false);
}

/** A name from outside in an error text: quoted, control characters escaped, not too long. */
export function shown(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name);
}

/** `a/b` for `./a//b/`; empty for the top. Backslashes part names too: archives made on Windows have them. */
function normalName(rawName: string, outside: string): string {
  const segments = rawName.split(/[/\\]/);
  const isOutside =
    segments.includes("..") || /^([/\\]|[A-Za-z]:[/\\])/.test(rawName) || rawName.includes("\0");
  if (isOutside) throw refused(outside);
  return segments.filter((s) => s !== "" && s !== ".").join("/");
}
