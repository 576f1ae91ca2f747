import { open, stat } from "node:fs/promises";
import { FetchError } from "../../ports/files.ts";
import type { CacheLimits } from "./limits.ts";
import { refused, shown, UnpackFolder } from "./unpack-folder.ts";
import { unpackTar } from "./unpack-tar.ts";
import { unpackZip } from "./unpack-zip.ts";

type ArchiveKind = "tar" | "tar.gz" | "zip";

/** Where a tar header has `ustar` (POSIX.1-1988, pax and GNU alike). */
const USTAR_OFFSET = 257;
const HEAD_BYTES = 512;

/**
 * Unpacks an archive into an empty folder, going by its first bytes, not by its name.
 * @throws FetchError that says what is wrong with the archive; errors of the disk as they are
 */
export async function unpack(
  file: string,
  folder: string,
  limits: CacheLimits,
  signal: AbortSignal,
): Promise<void> {
  const kind = await kindOf(file);
  const into = new UnpackFolder(folder, (await stat(file)).size, limits);
  try {
    if (kind === "zip") await unpackZip(file, into, signal);
    else await unpackTar(file, kind === "tar.gz", into, signal);
    await into.finish();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof FetchError || isOfTheDisk(error)) throw error;
    // What zlib, tar and yauzl say of broken input.
    throw new FetchError(`the ${kind} archive is broken: ${(error as Error).message}`, false, {
      cause: error,
    });
  }
}

/** True for errors of a system call, which say nothing about the archive. */
export function isOfTheDisk(error: unknown): error is NodeJS.ErrnoException {
  const isCall = error instanceof Error && (error as NodeJS.ErrnoException).syscall !== undefined;
  return isCall && (error as NodeJS.ErrnoException).errno !== undefined;
}

/** Whether a file is an archive, by its first bytes. */
export async function isArchive(file: string): Promise<boolean> {
  return kindOf(file).then(
    () => true,
    (error: unknown) => {
      if (error instanceof FetchError) return false;
      throw error;
    },
  );
}

async function kindOf(file: string): Promise<ArchiveKind> {
  const head = Buffer.alloc(HEAD_BYTES);
  const handle = await open(file, "r");
  try {
    const { bytesRead } = await handle.read(head, 0, HEAD_BYTES, 0);
    if (bytesRead === 0) throw refused("it is empty, not an archive");
  } finally {
    await handle.close();
  }
  const begins = (...bytes: number[]) => bytes.every((byte, i) => head[i] === byte);
  if (begins(0x1f, 0x8b)) return "tar.gz";
  if (begins(0x50, 0x4b)) return "zip";
  if (head.toString("latin1", USTAR_OFFSET, USTAR_OFFSET + 5) === "ustar") return "tar";
  if (begins(0x42, 0x5a, 0x68))
    throw refused("it is packed with bzip2, which is not supported: use tar.gz or zip");
  const text = head.toString("latin1").split("\0")[0]?.slice(0, 40) ?? "";
  throw refused(`it is not a tar.gz, tar or zip archive; it begins with ${shown(text)}`);
}
