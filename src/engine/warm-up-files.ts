import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { readWarmUpFile, WARM_UP_REQUESTS_MAX } from "../core/warm-up.ts";

/** One request of a warm-up. */
export interface WarmUpBody {
  /** Its file; in a folder, with its way from there. */
  readonly file: string;
  /** From 1; null: the file is one request. */
  readonly line: number | null;
  readonly body: Buffer;
}

/** Folders below the one that is named; more would be a mistake, or a link that leads back. */
const DEPTH_MAX = 8;
const FILES_MAX = 1_000;

/** What is wrong with the files of `warm_up_data_path`, for people; begins with the name of the field. */
export class WarmUpRefused extends Error {
  override readonly name = "WarmUpRefused";

  constructor(message: string) {
    super(`warm_up_data_path: ${message}`);
  }
}

/**
 * All requests of a file, or of the files of a folder in the order of their names. Names that begin with a dot are passed over.
 * @throws WarmUpRefused for what is missing, unreadable, no warm-up file, or more than `bytesMax` in all
 */
export async function readWarmUp(path: string, bytesMax: number): Promise<WarmUpBody[]> {
  const files = await translated(path, () => filesBelow(path, path, 0));
  if (files.length === 0) throw new WarmUpRefused(`${path} is a folder without files`);
  const bodies: WarmUpBody[] = [];
  let bytesLeft = bytesMax;
  for (const file of files) {
    const bytes = await translated(file, () => readWhole(path, file, bytesLeft, bytesMax));
    bytesLeft -= bytes.length;
    const found = readWarmUpFile(file, bytes);
    if (found.kind === "refused") throw new WarmUpRefused(`${file}: ${found.why}`);
    const name = file === path ? basename(file) : relative(path, file);
    for (const { from, to, line } of found.requests)
      bodies.push({ file: name, line, body: bytes.subarray(from, to) });
    if (bodies.length > WARM_UP_REQUESTS_MAX)
      throw new WarmUpRefused(`${path} has more than ${WARM_UP_REQUESTS_MAX} requests`);
  }
  return bodies;
}

/** The size is looked at first: a file that is too large is never in memory. */
async function readWhole(path: string, file: string, bytesLeft: number, bytesMax: number): Promise<Buffer> {
  const tooLarge = () =>
    new WarmUpRefused(`${path} is larger than ${bytesMax} bytes, the limit of a warm-up`);
  if ((await stat(file)).size > bytesLeft) throw tooLarge();
  const bytes = await readFile(file);
  if (bytes.length > bytesLeft) throw tooLarge();
  return bytes;
}

async function filesBelow(root: string, path: string, depth: number): Promise<string[]> {
  const found = await stat(path);
  if (found.isFile()) return [path];
  if (!found.isDirectory()) throw new WarmUpRefused(`${path} is neither file nor folder`);
  if (depth > DEPTH_MAX)
    throw new WarmUpRefused(`${root} has more than ${DEPTH_MAX} folders one in the other`);
  const names = (await readdir(path)).filter((name) => !name.startsWith("."));
  const files: string[] = [];
  for (const name of names.toSorted()) {
    files.push(...(await filesBelow(root, join(path, name), depth + 1)));
    if (files.length > FILES_MAX) throw new WarmUpRefused(`${root} has more than ${FILES_MAX} files`);
  }
  return files;
}

const TEXTS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  ENOTDIR: "does not exist: a part of it is a file",
  EACCES: "cannot be read: permission denied",
  ELOOP: "cannot be read: its links go round in a circle",
};

/** Errors of the disk in words. */
async function translated<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new WarmUpRefused(`${path} ${TEXTS[code] ?? `cannot be read: ${message}`}`);
  }
}
