import type { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import { LINK_TARGET_BYTES_MAX, refused, shown, type UnpackFolder } from "./unpack-folder.ts";

/** The kind of a file in a Unix mode (inode(7)); zip keeps the mode in the high half of the external attributes. */
const [S_IFMT, S_IFREG, S_IFDIR, S_IFLNK] = [0o170000, 0o100000, 0o040000, 0o120000];
/** `version made by`: made on Unix or macOS, so that the attributes are a Unix mode (APPNOTE 4.4.2). */
const UNIX_SYSTEMS = new Set([3, 19]);

/** Unpacks a zip file. */
export async function unpackZip(file: string, into: UnpackFolder, signal: AbortSignal): Promise<void> {
  const zip = await openPromise(file, { autoClose: false, lazyEntries: true, validateEntrySizes: true });
  try {
    for await (const entry of zip.eachEntry()) {
      signal.throwIfAborted();
      await addEntry(zip, entry, into, signal);
    }
  } finally {
    zip.close();
  }
}

async function addEntry(zip: ZipFile, entry: Entry, into: UnpackFolder, signal: AbortSignal): Promise<void> {
  const name = entry.fileName;
  const isUnix = UNIX_SYSTEMS.has(entry.versionMadeBy >>> 8);
  const mode = isUnix ? entry.externalFileAttributes >>> 16 : 0;
  const kind = mode & S_IFMT;
  if (name.endsWith("/") || kind === S_IFDIR) return into.addFolder(name);
  if (kind !== 0 && kind !== S_IFREG && kind !== S_IFLNK) {
    throw refused(`${shown(name)} is neither file, folder nor link`);
  }
  if (entry.isEncrypted()) throw refused(`${shown(name)} is encrypted`);
  if (!entry.canDecodeFileData()) {
    throw refused(
      `${shown(name)} is packed by method ${entry.compressionMethod}; stored and deflate are known`,
    );
  }
  const content = checked(entry, await zip.openReadStreamPromise(entry), signal);
  if (kind !== S_IFLNK) return into.addFile(name, mode, content);
  if (entry.uncompressedSize > LINK_TARGET_BYTES_MAX)
    throw refused(`the link ${shown(name)} has too long a target`);
  const target = Buffer.concat(await Array.fromAsync(content));
  return into.addSymlink(name, target.toString("utf8"));
}

/** The content, checked against its CRC at the end: yauzl checks sizes only. */
async function* checked(entry: Entry, stream: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let sum = 0;
  for await (const bytes of stream) {
    signal.throwIfAborted();
    sum = crc32(bytes as Buffer, sum);
    yield bytes as Buffer;
  }
  if (sum !== entry.crc32) throw refused(`${shown(entry.fileName)} is damaged: its CRC is wrong`);
}
