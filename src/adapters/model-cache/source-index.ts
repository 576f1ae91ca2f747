import { createHash } from "node:crypto";
import type { Dirent } from "node:fs";
import { readdir, readFile, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../base/atomic-file.ts";
import type { Source } from "../../core/spec/service-spec.ts";

/** What one source brought. */
export interface IndexEntry {
  /** For people: without name, password and query. */
  readonly source: string;
  /** Name of the content's folder. */
  readonly sha256: string;
  /** The source is this one file of the folder, not the folder; null: the folder. */
  readonly file: string | null;
  /** Of the unpacked files. */
  readonly bytes: number;
  /** Of a git source: the commit that was brought; else null. */
  readonly commit: string | null;
}

/** With the name of its file. */
export interface FoundEntry extends IndexEntry {
  readonly name: string;
  readonly usedAtMs: number;
}

/**
 * Which source brought which content: one small file each, named by the hash of the source, since a URL may hold a secret. The time
 * of the file's last change is when it was last asked for.
 */
export class SourceIndex {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Null: nothing is known, or it cannot be read. */
  async read(key: string): Promise<IndexEntry | null> {
    return readEntry(join(this.#folder, nameOf(key)));
  }

  async write(key: string, entry: IndexEntry): Promise<void> {
    await writeFileAtomic(join(this.#folder, nameOf(key)), JSON.stringify(entry), 0o600);
  }

  async touch(key: string, nowMs: number): Promise<void> {
    // Gone in between: then it is not used either.
    await utimes(join(this.#folder, nameOf(key)), nowMs / 1000, nowMs / 1000).catch(() => {});
  }

  async all(): Promise<FoundEntry[]> {
    const found: FoundEntry[] = [];
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      const [entry, stats] = [await readEntry(path), await stat(path).catch(() => null)];
      if (entry !== null && stats !== null) found.push({ ...entry, name, usedAtMs: stats.mtimeMs });
    }
    return found;
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#folder, name), { force: true });
  }
}

/** What a source behind a URL is known by. A file over http(s) that would be refused elsewhere is another source than an archive. */
export function keyOf({ url, isFileToo }: Extract<Source, { readonly kind: "url" }>): string {
  return isFileToo === true && /^https?:/i.test(url) ? `file ${url}` : url;
}

/** File of a source's entry: see {@link SourceIndex}. */
export function nameOf(key: string): string {
  return `${createHash("sha256").update(key).digest("hex")}.json`;
}

/** Sum of the files below a folder. Files that go meanwhile count nothing. */
export async function bytesBelow(folder: string): Promise<number> {
  const entries: Dirent[] = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => null))?.size ?? 0;
  }
  return bytes;
}

async function readEntry(path: string): Promise<IndexEntry | null> {
  try {
    const { source, sha256, file, bytes, commit } = JSON.parse(await readFile(path, "utf8"));
    if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256) || typeof source !== "string")
      return null;
    // Entries of before sizes were kept count as none until the content is brought again.
    return { source, sha256, file: file ?? null, bytes: bytes ?? 0, commit: commit ?? null };
  } catch {
    return null;
  }
}
