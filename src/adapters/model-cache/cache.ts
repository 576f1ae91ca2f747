import { createHash, randomUUID } from "node:crypto";
import { createReadStream, mkdirSync, rmSync } from "node:fs";
import { access, chmod, constants, mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { SharedWork } from "../../base/shared-work.ts";
import type { Source } from "../../core/spec/service-spec.ts";
import {
  type CachedContent,
  FetchError,
  type FileCache,
  type ReferencedFiles,
  type SourceState,
} from "../../ports/files.ts";
import { isOfTheDisk, unpack } from "./archive.ts";
import { type Brought, bringRemote, placeOf } from "./bring.ts";
import { Contents } from "./contents.ts";
import { CACHE_LIMITS, type CacheLimits } from "./limits.ts";
import type { ObjectStores } from "./object-store.ts";
import { bytesBelow, type IndexEntry, keyOf, nameOf, SourceIndex } from "./source-index.ts";
import { syncFolder } from "./unpack-folder.ts";

/** A local file with such a name is an archive of a folder, e.g. a processor package; others are models as they are. */
const LOCAL_ARCHIVE = /\.(tar\.gz|tgz|zip)$/i;
/** The disk was full, or writing is not allowed; room may be made. */
const DISK_CODES = new Set(["ENOSPC", "EDQUOT", "EROFS", "EIO", "EMFILE", "ENFILE"]);
const NO_STORE = { endpoint: null, region: "us-east-1", credentials: null };

export interface ModelCacheOptions {
  /** `$SLUICE_HOME/models`; made when not there, mode 0700. Used by one process at a time. */
  readonly root: string;
  readonly limits?: Partial<CacheLimits>;
  /** Bytes of all that is kept; null or not there: 80 % of the disk. */
  readonly bytesMax?: number | null;
  /** Who may say what is in use; not there: everything is. */
  readonly references?: ReferencedFiles;
  /** Not there: no credentials. */
  readonly stores?: ObjectStores;
  /** Ms since 1970. */
  readonly now: () => number;
}

/**
 * Models and processor packages on this machine: `<root>/<sha256 of the content>/` unpacked, `<root>/index/` which source has which
 * content, `<root>/partial/` what is not here whole yet and outlives this process, `<root>/tmp/` work under way, which does not.
 */
export class ModelCache implements FileCache {
  readonly #root: string;
  readonly #limits: CacheLimits;
  readonly #stores: ObjectStores;
  readonly #now: () => number;
  readonly #work = new SharedWork();
  readonly #index: SourceIndex;
  readonly #contents: Contents;

  constructor({ root, limits, bytesMax, references, stores, now }: ModelCacheOptions) {
    this.#root = root;
    this.#limits = { ...CACHE_LIMITS, ...limits };
    this.#stores = stores ?? { s3: NO_STORE, oss: { ...NO_STORE, region: "cn-hangzhou" } };
    this.#now = now;
    // Left by a process that was killed.
    rmSync(join(root, "tmp"), { recursive: true, force: true });
    for (const folder of [root, join(root, "index"), join(root, "partial"), join(root, "tmp")]) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    }
    this.#index = new SourceIndex(join(root, "index"));
    this.#contents = new Contents({
      root,
      index: this.#index,
      limits: this.#limits,
      bytesMax: bytesMax ?? null,
      references: references ?? null,
      now,
      newTrash: () => this.#newTemporary(),
    });
  }

  async fetch(
    source: Source,
    entry: string | null,
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<string> {
    const path = await this.#fetch(source, onProgress, signal);
    if (entry !== null)
      await checkEntry(path, entry, source.kind === "url" ? placeOf(source.url) : source.path);
    return path;
  }

  async look(source: Source, entry: string | null): Promise<SourceState> {
    try {
      const path = source.kind === "path" ? source.path : await this.#lookUp(keyOf(source));
      if (path === null) return "unknown";
      const { isFile } = await check(path);
      // What is in a local archive shows only when it is unpacked.
      if (isFile && LOCAL_ARCHIVE.test(path)) return "here";
      if (entry !== null) await checkEntry(path, entry, path);
      return "here";
    } catch (error) {
      if (error instanceof FetchError) return "gone";
      throw error;
    }
  }

  contents(): Promise<readonly CachedContent[]> {
    return this.#contents.list();
  }

  bytesMax(): Promise<number> {
    return this.#contents.bytesMax();
  }

  remove(id: string): Promise<"removed" | "in-use" | "not-found"> {
    return this.#contents.remove(id);
  }

  async #fetch(source: Source, onProgress: (line: string) => void, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    if (source.kind === "url") {
      const { url, isFileToo = false } = source;
      const key = keyOf(source);
      const remote = (work: string, say: (line: string) => void, end: AbortSignal) =>
        bringRemote({
          url,
          isFileToo,
          work,
          partial: join(this.#root, "partial", nameOf(key).replace(".json", "")),
          stores: this.#stores,
          limits: this.#limits,
          makeRoom: (bytes) => this.#contents.makeRoom(bytes, async () => {}),
          isKept: (sha256) => this.#isKept(sha256),
          say,
          now: this.#now,
          signal: end,
        });
      const run = (say: (line: string) => void, end: AbortSignal) =>
        this.#bring(key, placeOf(url), (work) => remote(work, say, end), end);
      return this.#work.do(key, run, onProgress, signal);
    }
    const { path } = source;
    const { isFile, mark } = await check(path);
    if (!isFile || !LOCAL_ARCHIVE.test(path)) return path;
    const key = `${path} ${mark}`;
    const run = (say: (line: string) => void, end: AbortSignal) =>
      this.#bring(key, path, (work) => this.#bringArchive(path, work, say, end), end);
    return this.#work.do(key, run, onProgress, signal);
  }

  async #bringArchive(
    path: string,
    work: string,
    say: (line: string) => void,
    signal: AbortSignal,
  ): Promise<Brought> {
    const hash = createHash("sha256");
    await pipeline(createReadStream(path), hash, { signal });
    const files = join(work, "files");
    say("Unpacking files");
    await mkdir(files, { mode: 0o700 });
    await unpack(path, files, this.#limits, signal);
    return { sha256: hash.digest("hex"), files, file: null, commit: null, done: async () => {} };
  }

  /** A path that is in nobody's way. Its name is made here and not passed in: it is never seen outside, and gone when the work is. */
  #newTemporary(): string {
    return join(this.#root, "tmp", randomUUID());
  }

  /** `key` says what is meant, and is indexed; `place` is for people. */
  async #bring(
    key: string,
    place: string,
    bring: (work: string) => Promise<Brought>,
    signal: AbortSignal,
  ): Promise<string> {
    const known = await this.#lookUp(key);
    if (known !== null) {
      await this.#index.touch(key, this.#now());
      return known;
    }
    const work = this.#newTemporary();
    try {
      await mkdir(work, { mode: 0o700 });
      const brought = await bring(work);
      try {
        return await this.#publish(key, place, brought);
      } finally {
        await brought.done();
      }
    } catch (error) {
      signal.throwIfAborted();
      throw await this.#translate(error, place);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  async #publish(key: string, source: string, { sha256, files, file, commit }: Brought): Promise<string> {
    const folder = join(this.#root, sha256);
    const bytes = await bytesBelow(files ?? folder);
    const note = async () => {
      await this.#index.write(key, { source, sha256, file, bytes, commit });
      await this.#index.touch(key, this.#now());
    };
    if ((await this.#isKept(sha256)) || files === null) {
      await note();
      return pathOf(folder, file);
    }
    await this.#contents.makeRoom(bytes, async () => {
      await chmod(files, 0o700);
      try {
        await rename(files, folder);
      } catch (error) {
        // Another source with the same content was there first.
        if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
      }
      await syncFolder(this.#root);
      await note();
    });
    return pathOf(folder, file);
  }

  /** Said to be used before looking: from here on it stays, or is gone already. */
  async #isKept(sha256: string): Promise<boolean> {
    this.#contents.use(sha256);
    return isFolder(join(this.#root, sha256));
  }

  async #lookUp(key: string): Promise<string | null> {
    const entry: IndexEntry | null = await this.#index.read(key);
    if (entry === null) return null;
    return (await this.#isKept(entry.sha256)) ? pathOf(join(this.#root, entry.sha256), entry.file) : null;
  }

  async #translate(error: unknown, place: string): Promise<unknown> {
    if (error instanceof FetchError) {
      if (error.message.includes(place)) return error;
      return new FetchError(`${place}: ${error.message}`, error.isRetriable, { cause: error });
    }
    if (!isOfTheDisk(error)) return error;
    const isFull = error.code === "ENOSPC" || error.code === "EDQUOT";
    // For the next try.
    if (isFull) await this.#contents.removeUnused();
    const text = isFull ? `the disk of ${this.#root} is full` : error.message;
    return new FetchError(`${place}: ${text}`, DISK_CODES.has(error.code ?? ""), { cause: error });
  }
}

const pathOf = (folder: string, file: string | null) => (file === null ? folder : join(folder, file));

/** That a path can be used; `mark` changes when the file does. */
async function check(path: string): Promise<{ readonly isFile: boolean; readonly mark: string }> {
  try {
    const found = await stat(path, { bigint: true });
    if (!found.isFile() && !found.isDirectory())
      throw new FetchError(`${path} is neither file nor folder`, false);
    await access(path, found.isFile() ? constants.R_OK : constants.R_OK | constants.X_OK);
    return { isFile: found.isFile(), mark: [found.dev, found.ino, found.size, found.mtimeNs].join(".") };
  } catch (error) {
    if (error instanceof FetchError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const texts: Record<string, string> = {
      ENOENT: `${path} does not exist`,
      ENOTDIR: `${path} does not exist: a part of it is a file`,
      EACCES: `${path} cannot be read: permission denied`,
      ELOOP: `${path} cannot be read: its links go round in a circle`,
    };
    const text = texts[code ?? ""] ?? `${path} cannot be read: ${(error as Error).message}`;
    throw new FetchError(text, false, { cause: error });
  }
}

/** What makes a folder a Python package, or one that Python can run: such a folder may be an entry, too. */
const PACKAGE_FILES = ["__main__.py", "__init__.py"];

/** That `entry` is a file in what was brought from `place`, or that very file; or a Python package. */
async function checkEntry(path: string, entry: string, place: string): Promise<void> {
  const isEntryItself = path.endsWith(`/${entry}`) && !(await isFolder(path));
  const file = isEntryItself ? path : join(path, entry);
  const found = await stat(file).catch(() => null);
  if (found?.isFile() === true) return;
  if (found?.isDirectory() !== true) throw new FetchError(`${place} has no file ${entry}`, false);
  const inside = await Promise.all(PACKAGE_FILES.map((name) => stat(join(file, name)).catch(() => null)));
  if (inside.some((one) => one?.isFile() === true)) return;
  throw new FetchError(
    `${place} has no file ${entry}: it is a folder, and no Python package with __main__.py or __init__.py`,
    false,
  );
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
