import { renameSync } from "node:fs";
import { readdir, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Source } from "../../core/spec/service-spec.ts";
import { type CachedContent, FetchError, type ReferencedFiles } from "../../ports/files.ts";
import type { CacheLimits } from "./limits.ts";
import { bytesBelow, type FoundEntry, keyOf, nameOf, type SourceIndex } from "./source-index.ts";

/** Name of a content's folder. */
const CONTENT = /^[0-9a-f]{64}$/;
/** Of the disk, when no limit is set: the rest is for logs, the store, and whoever else lives there. */
const PART_OF_DISK = 0.8;

export interface ContentsOptions {
  readonly root: string;
  readonly index: SourceIndex;
  readonly limits: CacheLimits;
  /** Null: 80 % of the disk. */
  readonly bytesMax: number | null;
  /** Null: nobody can say, so everything is in use. */
  readonly references: ReferencedFiles | null;
  readonly now: () => number;
  /** A name below `tmp` that nothing has. */
  readonly newTrash: () => string;
}

/** One content with the entries that lead to it. */
interface Kept {
  readonly id: string;
  readonly bytes: number;
  readonly usedAtMs: number;
  readonly entries: readonly FoundEntry[];
}

/**
 * What is kept, and what may go. A content may go when no source of a service or a kept version leads to it and no instance
 * runs on it; the one that was not asked for the longest goes first. Whoever is given a content says `use` before looking
 * whether it is there, and a content goes by one rename in the same turn as the last look at that, so nobody is given a path that is
 * about to go.
 */
export class Contents {
  readonly #deps: ContentsOptions;
  /** The count at which each content was last given to somebody. */
  readonly #usedAt = new Map<string, number>();
  #count = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(deps: ContentsOptions) {
    this.#deps = deps;
  }

  /** To be said before it is looked for, or put there. */
  use(id: string): void {
    this.#count += 1;
    this.#usedAt.set(id, this.#count);
  }

  /** Newest use first. */
  async list(): Promise<CachedContent[]> {
    const { kept } = await this.#kept();
    return kept
      .toSorted((a, b) => b.usedAtMs - a.usedAtMs)
      .map(({ id, bytes, usedAtMs, entries }) => ({
        id,
        bytes,
        usedAtMs,
        sources: entries.map((e) => (e.commit === null ? e.source : `${e.source} (commit ${e.commit})`)),
        isOf: (source: Source) => isOf(entries, source),
      }));
  }

  async bytesMax(): Promise<number> {
    const { bytesMax, root } = this.#deps;
    if (bytesMax !== null) return bytesMax;
    const { blocks, bsize } = await statfs(root);
    return Math.floor(blocks * bsize * PART_OF_DISK);
  }

  /**
   * Removes what nobody needs until so many more bytes fit, and puts them there by `put` before anybody else asks for room.
   * @throws FetchError when they would not fit even then
   */
  async makeRoom(bytes: number, put: () => Promise<void>): Promise<void> {
    await this.#inTurn(async () => {
      await this.#makeRoom(bytes);
      await put();
    });
  }

  async #makeRoom(bytes: number): Promise<void> {
    const bytesMax = await this.bytesMax();
    const start = this.#count;
    const { kept, orphans } = await this.#kept();
    for (const id of orphans) if (!this.#usedAt.has(id)) await this.#drop(id, [], start);
    const partial = await this.#dropOldPartials();
    let total = kept.reduce((sum, k) => sum + k.bytes, partial);
    if (total + bytes <= bytesMax) return;
    const isInUse = await this.#inUse();
    for (const k of kept.toSorted((a, b) => a.usedAtMs - b.usedAtMs)) {
      if (total + bytes <= bytesMax) return;
      if (!isInUse(k) && (await this.#drop(k.id, k.entries, start))) total -= k.bytes;
    }
    if (total + bytes <= bytesMax) return;
    throw new FetchError(
      `the model cache is full: ${bytes} bytes more do not fit in its ${bytesMax} beside the ${total} that are in use; delete services, keep fewer versions, or raise SLUICE_MODELS_MB`,
      true,
    );
  }

  /** Removes all that nobody needs: the disk is full. */
  async removeUnused(): Promise<void> {
    await this.#inTurn(async () => {
      const start = this.#count;
      const { kept } = await this.#kept();
      const isInUse = await this.#inUse();
      for (const k of kept) if (!isInUse(k)) await this.#drop(k.id, k.entries, start);
    });
  }

  async remove(id: string): Promise<"removed" | "in-use" | "not-found"> {
    return this.#inTurn(async () => {
      const start = this.#count;
      const content = (await this.#kept()).kept.find((k) => k.id === id);
      if (content === undefined) return "not-found";
      if ((await this.#inUse())(content)) return "in-use";
      return (await this.#drop(id, content.entries, start)) ? "removed" : "in-use";
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #kept(): Promise<{ readonly kept: readonly Kept[]; readonly orphans: readonly string[] }> {
    const { root, index } = this.#deps;
    const byId = Map.groupBy(await index.all(), (entry) => entry.sha256);
    const ids = (await readdir(root)).filter((name) => CONTENT.test(name));
    const kept: Kept[] = [];
    for (const id of ids) {
      const entries = byId.get(id);
      if (entries === undefined) continue;
      const bytes = Math.max(...entries.map((e) => e.bytes)) || (await bytesBelow(join(root, id)));
      kept.push({ id, bytes, usedAtMs: Math.max(...entries.map((e) => e.usedAtMs)), entries });
    }
    return { kept, orphans: ids.filter((id) => !byId.has(id)) };
  }

  async #inUse(): Promise<(content: Kept) => boolean> {
    const { references, root } = this.#deps;
    if (references === null) return () => true;
    const [sources, paths] = [await references.referenced(), await references.pathsInUse()];
    return ({ id, entries }) => {
      const folder = join(root, id);
      return (
        sources.some((source) => isOf(entries, source)) ||
        paths.some((path) => path === folder || path.startsWith(`${folder}/`))
      );
    };
  }

  /** False: somebody was given it since. */
  async #drop(id: string, entries: readonly FoundEntry[], start: number): Promise<boolean> {
    if ((this.#usedAt.get(id) ?? 0) > start) return false;
    const trash = this.#deps.newTrash();
    renameSync(join(this.#deps.root, id), trash);
    for (const { name } of entries) await this.#deps.index.remove(name);
    await rm(trash, { recursive: true, force: true });
    return true;
  }

  /** Bytes of the parts that stay. */
  async #dropOldPartials(): Promise<number> {
    const { root, now, limits } = this.#deps;
    const folder = join(root, "partial");
    let bytes = 0;
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      const stats = await stat(path).catch(() => null);
      if (stats === null) continue;
      if (now() - stats.mtimeMs > limits.partialMs) await rm(path, { recursive: true, force: true });
      else bytes += stats.isDirectory() ? await bytesBelow(path) : stats.size;
    }
    return bytes;
  }
}

function isOf(entries: readonly FoundEntry[], source: Source): boolean {
  if (source.kind === "path") return entries.some((e) => e.source === source.path);
  const name = nameOf(keyOf(source));
  return entries.some((e) => e.name === name);
}
