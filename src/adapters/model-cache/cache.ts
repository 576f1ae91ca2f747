import { createHash, randomUUID } from "node:crypto";
import { createReadStream, mkdirSync, rmSync } from "node:fs";
import { access, chmod, constants, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { writeFileAtomic } from "../../base/atomic-file.ts";
import type { Source } from "../../core/spec/service-spec.ts";
import { FetchError, type FileCache, type SourceState } from "../../ports/files.ts";
import { isOfTheDisk, unpack } from "./archive.ts";
import { download, publicUrl } from "./download.ts";
import { CACHE_LIMITS, type CacheLimits } from "./limits.ts";
import { SharedWork } from "./shared-work.ts";
import { syncFolder } from "./unpack-folder.ts";

/** A local file with such a name is an archive of a folder, e.g. a processor package; others are models as they are. */
const LOCAL_ARCHIVE = /\.(tar\.gz|tgz|zip)$/i;
/** The disk was full, or writing is not allowed; room may be made. */
const DISK_CODES = new Set(["ENOSPC", "EDQUOT", "EROFS", "EIO", "EMFILE", "ENFILE"]);

export interface ModelCacheOptions {
  /** `$SLUICE_HOME/models`; made when not there, mode 0700. Used by one process at a time. */
  readonly root: string;
  readonly limits?: Partial<CacheLimits>;
}

/**
 * Models and processor packages on this machine:
 * `<root>/<sha256 of the archive>/` unpacked, `<root>/index/` which source has which hash, `<root>/tmp/` work under way.
 */
export class ModelCache implements FileCache {
  readonly #root: string;
  readonly #limits: CacheLimits;
  readonly #work = new SharedWork();

  constructor({ root, limits }: ModelCacheOptions) {
    this.#root = root;
    this.#limits = { ...CACHE_LIMITS, ...limits };
    // Left by a process that was killed.
    rmSync(join(root, "tmp"), { recursive: true, force: true });
    for (const folder of [root, join(root, "index"), join(root, "tmp")]) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    }
  }

  async fetch(
    source: Source,
    entry: string | null,
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<string> {
    const path = await this.#fetch(source, onProgress, signal);
    if (entry !== null)
      await checkEntry(path, entry, source.kind === "url" ? publicUrl(source.url) : source.path);
    return path;
  }

  async look(source: Source, entry: string | null): Promise<SourceState> {
    try {
      const path = source.kind === "path" ? source.path : await this.#lookUp(this.#indexOf(source.url));
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

  #indexOf(key: string): string {
    return join(this.#root, "index", `${createHash("sha256").update(key).digest("hex")}.json`);
  }

  async #fetch(source: Source, onProgress: (line: string) => void, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    if (source.kind === "url") {
      const { url } = source;
      const run = (say: (line: string) => void, end: AbortSignal) => this.#bring(url, url, say, end);
      return this.#work.do(url, run, onProgress, signal);
    }
    const { path } = source;
    const { isFile, mark } = await check(path);
    if (!isFile || !LOCAL_ARCHIVE.test(path)) return path;
    const key = `${path} ${mark}`;
    const run = (say: (line: string) => void, end: AbortSignal) => this.#bring(key, path, say, end);
    return this.#work.do(key, run, onProgress, signal);
  }

  /** `key` says what is meant, and is indexed; `place` is the URL or path that has it. */
  async #bring(
    key: string,
    place: string,
    say: (line: string) => void,
    signal: AbortSignal,
  ): Promise<string> {
    const isUrl = key === place;
    const index = this.#indexOf(key);
    const known = await this.#lookUp(index);
    if (known !== null) return known;
    const work = join(this.#root, "tmp", randomUUID());
    try {
      await mkdir(work, { mode: 0o700 });
      const archive = isUrl ? join(work, "archive") : place;
      const sha256 = isUrl
        ? (await download(place, archive, this.#limits, say, signal)).sha256
        : await hashOf(archive, signal);
      const folder = join(this.#root, sha256);
      if (!(await isFolder(folder))) {
        say("Unpacking files");
        await this.#unpack(archive, join(work, "files"), folder, signal);
      }
      await writeFileAtomic(
        index,
        JSON.stringify({ source: isUrl ? publicUrl(place) : place, sha256 }),
        0o600,
      );
      return folder;
    } catch (error) {
      signal.throwIfAborted();
      throw this.#translate(error, isUrl ? publicUrl(place) : place);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  async #unpack(archive: string, work: string, folder: string, signal: AbortSignal): Promise<void> {
    await mkdir(work, { mode: 0o700 });
    await unpack(archive, work, this.#limits, signal);
    await chmod(work, 0o700);
    try {
      await rename(work, folder);
    } catch (error) {
      // Another source with the same content was there first.
      if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
    await syncFolder(this.#root);
  }

  async #lookUp(index: string): Promise<string | null> {
    try {
      const { sha256 } = JSON.parse(await readFile(index, "utf8")) as { readonly sha256?: unknown };
      if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) return null;
      const folder = join(this.#root, sha256);
      return (await isFolder(folder)) ? folder : null;
    } catch {
      return null;
    }
  }

  #translate(error: unknown, place: string): unknown {
    if (error instanceof FetchError) {
      if (error.message.includes(place)) return error;
      return new FetchError(`${place}: ${error.message}`, error.isRetriable, { cause: error });
    }
    if (!isOfTheDisk(error)) return error;
    const isFull = error.code === "ENOSPC" || error.code === "EDQUOT";
    const text = isFull ? `the disk of ${this.#root} is full` : error.message;
    return new FetchError(`${place}: ${text}`, DISK_CODES.has(error.code ?? ""), { cause: error });
  }
}

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

/** That `entry` is a file in what was brought from `place`, or that very file. */
async function checkEntry(path: string, entry: string, place: string): Promise<void> {
  const isEntryItself = path.endsWith(`/${entry}`) && !(await isFolder(path));
  const file = isEntryItself ? path : join(path, entry);
  const found = await stat(file).catch(() => null);
  if (found?.isFile() !== true) throw new FetchError(`${place} has no file ${entry}`, false);
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function hashOf(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash, { signal });
  return hash.digest("hex");
}
