import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { Parser, type ReadEntry } from "tar";
import { refused, shown, type UnpackFolder } from "./unpack-folder.ts";

/** Unpacks a tar file, compressed with gzip or not. */
export async function unpackTar(
  file: string,
  isCompressed: boolean,
  into: UnpackFolder,
  signal: AbortSignal,
): Promise<void> {
  const raw = createReadStream(file, { signal });
  const source: Readable = isCompressed ? raw.pipe(createGunzip()) : raw;
  raw.on("error", (error) => source.destroy(error));
  const parser = new Parser({ strict: true });
  // The parser gives the next entry when this one was read to its end, so this is a chain of one.
  let unpacked: Promise<void> = Promise.resolve();
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {});
  parser.on("error", failure.reject);
  parser.on("entry", (entry: ReadEntry) => {
    unpacked = unpacked.then(() => addEntry(entry, into, failure.promise));
    unpacked.catch(failure.reject);
  });
  const ended = new Promise<void>((resolve) => parser.on("end", resolve));
  try {
    for await (const bytes of source) {
      signal.throwIfAborted();
      if (parser.write(bytes as Buffer)) continue;
      await Promise.race([failure.promise, new Promise<void>((resolve) => parser.once("drain", resolve))]);
    }
    parser.end();
    // The parser says that it failed before it says that it ended, and the first of settled ones wins.
    await Promise.race([failure.promise, ended]);
    await unpacked;
  } finally {
    source.destroy();
    raw.destroy();
    // After a failure the entry under way would wait for bytes that never come, with its file open.
    failure.reject(new Error("unpacking was given up"));
    await unpacked.catch(() => {});
  }
}

async function addEntry(entry: ReadEntry, into: UnpackFolder, failure: Promise<never>): Promise<void> {
  const mode = entry.mode ?? 0o644;
  switch (entry.type) {
    case "File":
    case "OldFile":
    case "ContiguousFile":
      return into.addFile(entry.path, mode, contentOf(entry, failure));
    case "Directory":
    case "GNUDumpDir":
      entry.resume();
      return into.addFolder(entry.path);
    case "SymbolicLink":
      entry.resume();
      return into.addSymlink(entry.path, entry.linkpath ?? "");
    case "Link":
      entry.resume();
      return into.addHardLink(entry.path, entry.linkpath ?? "");
    default:
      throw refused(`${shown(entry.path)} is neither file, folder nor link, but ${entry.type}`);
  }
}

/** The content of an entry, for as long as the whole does not fail: a destroyed stream of `tar` may just fall silent. */
async function* contentOf(entry: ReadEntry, failure: Promise<never>): AsyncGenerator<Uint8Array> {
  const pieces = entry[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([failure, pieces.next()]);
    if (next.done === true) return;
    yield next.value as Uint8Array;
  }
}
