import { crc32, gzipSync } from "node:zlib";
import { Header, type types } from "tar";

/** One entry of an archive to be made, good or bad. */
export interface ArchiveEntry {
  readonly name: string;
  readonly content?: string | Buffer;
  /** As tar names it: `File` unless told otherwise. */
  readonly type?: types.EntryTypeName;
  /** Target, for `SymbolicLink` and `Link`. */
  readonly target?: string;
  readonly mode?: number;
}

const BLOCK = 512;
/** General purpose bit 11 of zip: names are UTF-8. */
const UTF8_NAMES = 0x800;

/** A tar file with exactly these entries, whatever their names say. */
export function tarOf(entries: readonly ArchiveEntry[]): Buffer {
  const parts = entries.flatMap(({ name, content = "", type = "File", target, mode = 0o644 }) => {
    const body = Buffer.from(content);
    const head = Buffer.alloc(BLOCK);
    const link = target === undefined ? {} : { linkpath: target };
    new Header({ path: name, mode, type, size: body.length, mtime: new Date(0), ...link }).encode(head);
    return [head, body, Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK)];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

/** {@link tarOf}, packed with gzip. */
export function tarGzOf(entries: readonly ArchiveEntry[]): Buffer {
  return gzipSync(tarOf(entries));
}

/** A zip file with exactly these entries, stored (APPNOTE 4.3), made on Unix. `faults` puts wrong things in. */
export function zipOf(
  entries: readonly ArchiveEntry[],
  faults: { readonly isCrcWrong?: boolean; readonly method?: number; readonly isEncrypted?: boolean } = {},
): Buffer {
  const isEncrypted = faults.isEncrypted === true;
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const { name, content = "", type = "File", target, mode = 0o644 } of entries) {
    const body = Buffer.from(target ?? content);
    const kind = type === "SymbolicLink" ? 0o120000 : type === "FIFO" ? 0o010000 : 0o100000;
    const fileName = Buffer.from(name);
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(UTF8_NAMES | (isEncrypted ? 1 : 0), 2);
    shared.writeUInt16LE(faults.method ?? 0, 4);
    shared.writeUInt32LE((crc32(body) + (faults.isCrcWrong === true ? 1 : 0)) >>> 0, 10);
    // Encryption puts 12 bytes before the content.
    shared.writeUInt32LE(body.length + (isEncrypted ? 12 : 0), 14);
    shared.writeUInt32LE(body.length, 18);
    shared.writeUInt16LE(fileName.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), shared, fileName, body]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(((kind | mode) << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    const madeBy = Buffer.from([20, 3]); // version 2.0, Unix
    centrals.push(Buffer.concat([Buffer.from("PK\x01\x02", "latin1"), madeBy, shared, tail, fileName]));
    locals.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, central, end]);
}
