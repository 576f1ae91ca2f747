import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { LogOptions } from "../../ports/runtime.ts";

const CHUNK_BYTES = 64 * 1024;
/** A line that is this long and not at its end is handed out in pieces, so that one endless line cannot fill the memory. */
const LINE_BYTES_MAX = 64 * 1024;
/** How often a followed log is looked at. */
const FOLLOW_MS = 100;
/** Rotated files looked for: `.1` is the newest of them. */
const ROTATED_MAX = 100;
const NEWLINE = 0x0a;

/** One open log file and how far it was read. */
interface Part {
  readonly handle: FileHandle;
  readonly inode: bigint;
  offset: number;
}

/**
 * The newest lines of a log that is rotated (`x.log` → `x.log.1` → …), oldest first, read from the end; then, when
 * following, each new line as it comes, over rotations, until the signal, or what was written until then. A log that is not there has no lines yet.
 */
export async function* readLog(
  path: string,
  options: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const parts = await openTail(path, options.lines);
  const lines = new LineSplitter();
  try {
    while (parts.length > 0 && !signal.aborted) {
      const part = parts[0] as Part;
      yield* readOn(part, lines, signal);
      if (parts.length === 1) break;
      parts.shift();
      await part.handle.close();
    }
    if (!options.isFollowing) {
      yield* lines.rest();
      return;
    }
    const reading = options.isReadToEnd ? new AbortController().signal : signal;
    for (let isOver = signal.aborted; !isOver; ) {
      await nextLook(signal);
      isOver = signal.aborted; // now, so that one more look follows
      const current = parts.at(-1);
      if (current !== undefined) yield* readOn(current, lines, reading);
      const newer = await openNewer(path, current?.inode);
      if (newer.length === 0) continue;
      if (current !== undefined) yield* readOn(current, lines, reading); // written between the two looks
      await current?.handle.close();
      parts.splice(0, parts.length, ...newer);
      for (const part of newer) yield* readOn(part, lines, reading);
      for (const part of parts.splice(0, parts.length - 1)) await part.handle.close();
    }
    if (options.isReadToEnd) yield* lines.rest();
  } finally {
    for (const { handle } of parts) await handle.close();
  }
}

async function nextLook(signal: AbortSignal): Promise<void> {
  try {
    await delay(FOLLOW_MS, undefined, { signal });
  } catch {
    // Aborted: the caller sees it.
  }
}

/** Opens as many files, oldest first, as hold the last `lines` lines, each placed where reading begins. */
async function openTail(path: string, lines: number): Promise<Part[]> {
  const parts: Part[] = [];
  let missing = lines;
  for (let i = 0; i <= ROTATED_MAX; i++) {
    const part = await openPart(nameOf(path, i));
    if (part === null) {
      if (i === 0) continue; // Just being rotated.
      break;
    }
    if (parts.some((p) => p.inode === part.inode)) {
      await part.handle.close();
      continue;
    }
    parts.unshift(part);
    missing = await placeAtTail(part, missing);
    if (missing <= 0) break;
  }
  return parts;
}

/** Opens the files that came after the one with this inode, oldest first; all there are when it was never seen. */
async function openNewer(path: string, inode: bigint | undefined): Promise<Part[]> {
  const newer: Part[] = [];
  for (let i = 0; i <= ROTATED_MAX; i++) {
    const part = await openPart(nameOf(path, i));
    if (part === null) {
      if (i === 0) return []; // Being rotated: the next look finds it.
      break;
    }
    if (part.inode === inode) {
      await part.handle.close();
      return newer;
    }
    newer.unshift(part);
  }
  return newer;
}

function nameOf(path: string, rotation: number): string {
  return rotation === 0 ? path : `${path}.${rotation}`;
}

async function openPart(path: string): Promise<Part | null> {
  try {
    const handle = await open(path, "r");
    const { ino: inode } = await handle.stat({ bigint: true });
    return { handle, inode, offset: 0 };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** Sets the offset so that `lines` lines follow; answers how many are missing. A last line may be unfinished. */
async function placeAtTail(part: Part, lines: number): Promise<number> {
  const { size } = await part.handle.stat();
  part.offset = size;
  if (lines <= 0 || size === 0) return lines;
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let found = 0;
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const { bytesRead } = await part.handle.read(chunk, 0, end - start, start);
    for (let i = bytesRead - 1; i >= 0; i--) {
      if (chunk[i] !== NEWLINE) continue;
      if (start + i === size - 1) continue; // ends the last line, does not begin one
      found += 1;
      if (found === lines) {
        part.offset = start + i + 1;
        return 0;
      }
    }
    end = start;
  }
  part.offset = 0;
  return lines - found - 1; // the first line has no line end before it
}

async function* readOn(part: Part, lines: LineSplitter, signal: AbortSignal): AsyncGenerator<string> {
  while (!signal.aborted) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const { bytesRead } = await part.handle.read(chunk, 0, CHUNK_BYTES, part.offset);
    if (bytesRead === 0) return;
    part.offset += bytesRead;
    yield* lines.push(chunk.subarray(0, bytesRead));
  }
}

/** Cuts bytes into lines, decoding only whole ones, so that no character is torn. */
class LineSplitter {
  #held: Buffer = Buffer.alloc(0);

  *push(bytes: Buffer): Generator<string> {
    const all = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    let start = 0;
    for (let end = all.indexOf(NEWLINE); end !== -1; end = all.indexOf(NEWLINE, start)) {
      yield all.toString("utf8", start, end);
      start = end + 1;
    }
    for (; all.length - start > LINE_BYTES_MAX; start += LINE_BYTES_MAX) {
      yield all.toString("utf8", start, start + LINE_BYTES_MAX);
    }
    this.#held = Buffer.from(all.subarray(start));
  }

  /** The last line, when it has no end. */
  *rest(): Generator<string> {
    if (this.#held.length > 0) yield this.#held.toString("utf8");
    this.#held = Buffer.alloc(0);
  }
}
