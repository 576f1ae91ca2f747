import { createHash } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { FetchError } from "../../ports/files.ts";
import { isArchive, unpack } from "./archive.ts";
import type { Expected } from "./checksums.ts";
import { download } from "./download.ts";
import { fetchGit, gitPlace } from "./git.ts";
import { httpGet, publicUrl, StatusError } from "./http-get.ts";
import type { CacheLimits } from "./limits.ts";
import {
  type ListedObject,
  listRemote,
  type ObjectPlace,
  type ObjectStores,
  objectPlace,
  objectRemote,
  readList,
} from "./object-store.ts";
import { Partial } from "./partial.ts";
import { progressLines } from "./progress.ts";
import { UnpackFolder } from "./unpack-folder.ts";

/** With three bytes a character, a name stays below NAME_MAX of Linux, 255 bytes. */
const FILE_NAME_CHARS_MAX = 80;

export interface Bringing {
  readonly url: string;
  /** What http(s) brings may be one file as it is; not only an archive. */
  readonly isFileToo: boolean;
  /** An empty folder that is thrown away afterwards. */
  readonly work: string;
  /** Name of what stays when it is not finished: a file, with more files that begin like it, or a folder. */
  readonly partial: string;
  readonly stores: ObjectStores;
  readonly limits: CacheLimits;
  /** Makes room for so many bytes more, or refuses. */
  readonly makeRoom: (bytes: number) => Promise<void>;
  /** Whether this content is here already, and stays. */
  readonly isKept: (sha256: string) => Promise<boolean>;
  readonly say: (line: string) => void;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** What came, checked and unpacked, not yet where it is kept. */
export interface Brought {
  /** Address of the content. */
  readonly sha256: string;
  /** The folder that has it, below `work`; null: the content is kept already. */
  readonly files: string | null;
  /** The source is this one file in it; null: the folder. */
  readonly file: string | null;
  readonly commit: string | null;
  /** To be called when it is kept: what was needed to go on with is removed. */
  readonly done: () => Promise<void>;
}

/** A URL for people. */
export function placeOf(url: string): string {
  const scheme = schemeOf(url);
  if (scheme.startsWith("git+")) return gitPlace(url).place;
  return scheme === "s3" || scheme === "oss" ? url.replace(/[?#].*$/, "") : publicUrl(url);
}

/** Brings what is behind a URL of any kind that a spec may have. */
export async function bringRemote(job: Bringing): Promise<Brought> {
  const scheme = schemeOf(job.url);
  if (scheme.startsWith("git+")) return bringGit(job);
  if (scheme !== "s3" && scheme !== "oss") return bringArchive(job);
  const place = objectPlace(job.url, job.stores);
  if (place.key !== "" && !place.key.endsWith("/")) {
    try {
      return await bringObject(job, place);
    } catch (error) {
      if (!(error instanceof StatusError && error.status === 404)) throw error;
    }
  }
  return bringFolder(job, place);
}

async function bringArchive(job: Bringing): Promise<Brought> {
  const remote = { url: job.url, place: publicUrl(job.url) };
  const partial = new Partial(job.partial);
  const { sha256, bytes } = await downloadTo(job, remote, partial, "http file");
  if (!job.isFileToo || (await isArchive(partial.path))) return unpacked(job, partial, sha256);
  return asFile(job, fileNameOf(job.url), partial, { sha256, bytes });
}

async function bringObject(job: Bringing, place: ObjectPlace): Promise<Brought> {
  const partial = new Partial(job.partial);
  const remote = objectRemote(place, place.key, job.now);
  const { sha256, bytes } = await downloadTo(job, remote, partial, "object");
  if (await isArchive(partial.path)) return unpacked(job, partial, sha256);
  return asFile(job, basename(place.key), partial, { sha256, bytes });
}

/** A folder with nothing but this file. */
async function asFile(
  job: Bringing,
  file: string,
  partial: Partial,
  { sha256, bytes }: { readonly sha256: string; readonly bytes: number },
): Promise<Brought> {
  const files = join(job.work, "files");
  await mkdir(files, { mode: 0o700 });
  const into = new UnpackFolder(files, bytes, job.limits);
  await into.takeFile(file, partial.path);
  await into.finish();
  return { sha256: addressOf([[file, sha256]]), files, file, commit: null, done: () => partial.remove() };
}

/** The last step of a URL's path; the end of the name may say what is in it. */
function fileNameOf(url: string): string {
  const step = basename(new URL(url).pathname);
  try {
    const name = basename(decodeURIComponent(step));
    return name === "" || name === ".." || name.includes("\0") ? "file" : name.slice(-FILE_NAME_CHARS_MAX);
  } catch {
    return "file"; // a percent sign that begins no byte
  }
}

/** All objects below a prefix, as the files of a folder. Each is gone on with by itself. */
async function bringFolder(job: Bringing, place: ObjectPlace): Promise<Brought> {
  const prefix = place.key === "" || place.key.endsWith("/") ? place.key : `${place.key}/`;
  const objects = (await listAll(job, place, prefix)).filter((o) => !o.key.endsWith("/"));
  if (objects.length === 0)
    throw new FetchError(`${place.place}: there is no such object, and nothing below it`, false);
  const bytesTotal = objects.reduce((sum, o) => sum + o.bytes, 0);
  if (bytesTotal > job.limits.unpackedBytesMax)
    throw new FetchError(`${place.place} is larger than ${job.limits.unpackedBytesMax} bytes`, false);
  await job.makeRoom(bytesTotal);
  const folder = `${job.partial}.objects`;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const files = join(job.work, "files");
  await mkdir(files, { mode: 0o700 });
  const onBytes = progressLines("objects", job.limits, job.say);
  const sums: [string, string, Partial][] = [];
  let before = 0;
  for (const { key, bytes, etag } of objects) {
    const partial = new Partial(join(folder, createHash("sha256").update(key).digest("hex")));
    const { sha256 } = await download({
      remote: {
        ...objectRemote(place, key, job.now),
        place: `${place.place.replace(/\/?$/, "/")}${key.slice(prefix.length)}`,
      },
      partial,
      expected: {},
      etag,
      onLength: async () => {}, // room was made for all of them
      limits: job.limits,
      onBytes: (here) => onBytes(Math.min(before + here, bytesTotal), bytesTotal),
      signal: job.signal,
    });
    before += bytes;
    sums.push([key.slice(prefix.length), sha256, partial]);
  }
  const into = new UnpackFolder(files, bytesTotal, job.limits);
  for (const [name, , partial] of sums) await into.takeFile(name, partial.path);
  await into.finish();
  const done = () => rm(folder, { recursive: true, force: true });
  return { sha256: addressOf(sums), files, file: null, commit: null, done };
}

async function listAll(job: Bringing, place: ObjectPlace, prefix: string): Promise<ListedObject[]> {
  const objects: ListedObject[] = [];
  for (let after: string | null = null; ; ) {
    const response = await httpGet(
      listRemote(place, prefix, after, job.now),
      {},
      [200],
      job.limits,
      job.signal,
    );
    const pieces: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response.body.read()) {
      bytes += chunk.length;
      if (bytes > job.limits.listBytesMax)
        throw new FetchError(`${place.place}: the list of objects is too long`, false);
      pieces.push(chunk);
    }
    const page = readList(Buffer.concat(pieces).toString("utf8"));
    if (page === null) throw new FetchError(`${place.place}: what answers there is no object store`, false);
    objects.push(...page.objects);
    if (objects.length > job.limits.entriesMax)
      throw new FetchError(`${place.place} has more than ${job.limits.entriesMax} objects`, false);
    if (page.next === null || page.objects.length === 0) return objects;
    after = page.next;
  }
}

async function bringGit(job: Bringing): Promise<Brought> {
  job.say("Fetching from git");
  const file = join(job.work, "archive");
  const commit = await fetchGit(job.url, join(job.work, "repository"), file, job.limits, job.signal);
  const files = await unpackedTo(job, file);
  // The commit is the hash of its content and its history; what is the same commit is the same content.
  const sha256 = createHash("sha256").update(`git commit ${commit}`).digest("hex");
  return { sha256, files, file: null, commit, done: async () => {} };
}

async function unpacked(job: Bringing, partial: Partial, sha256: string): Promise<Brought> {
  try {
    const files = (await job.isKept(sha256)) ? null : await unpackedTo(job, partial.path);
    return { sha256, files, file: null, commit: null, done: () => partial.remove() };
  } catch (error) {
    // What is broken, or finds no room, is not gone on with.
    if (!job.signal.aborted) await partial.remove();
    throw error;
  }
}

async function unpackedTo(job: Bringing, archive: string): Promise<string> {
  const files = join(job.work, "files");
  job.say("Unpacking files");
  await mkdir(files, { mode: 0o700 });
  await unpack(archive, files, job.limits, job.signal);
  return files;
}

async function downloadTo(
  job: Bringing,
  remote: Parameters<typeof download>[0]["remote"],
  partial: Partial,
  what: string,
) {
  const onBytes = progressLines(what, job.limits, job.say);
  const { limits, signal } = job;
  return download({
    remote,
    partial,
    expected: expectedIn(job.url),
    etag: null,
    limits,
    onBytes,
    signal,
    onLength: job.makeRoom,
  });
}

/** `#sha256=<64 hex>`; that it is one was checked with the spec. */
function expectedIn(url: string): Expected {
  const sum = /#sha256=([0-9a-f]{64})$/i.exec(url)?.[1];
  return sum === undefined ? {} : { sha256: sum.toLowerCase() };
}

/** Address of files that came one by one: the hash of their names and hashes. */
function addressOf(files: readonly (readonly [string, string, ...unknown[]])[]): string {
  const lines = files.map(([name, sha256]) => `${sha256} ${JSON.stringify(name)}\n`).toSorted();
  return createHash("sha256").update(lines.join("")).digest("hex");
}

const schemeOf = (url: string) => /^([a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase() ?? "";
