import { closeSync, openSync, renameSync, rmSync, statSync, writeSync } from "node:fs";

/** Where a line came from. */
export type LogSource = "engine" | "worker";

export interface LogFileLimits {
  readonly logFileBytesMax: number;
  readonly logFilesMax: number;
  readonly logLineBytesMax: number;
}

const NEWLINE = 0x0a;
const CUT_MARK = Buffer.from(" … [line cut]\n");
/** Text gathered before one write. */
const WRITE_BYTES = 64 * 1024;
/** `2026-11-21T21:25:06.123Z `. */
const STAMP_BYTES = 25;

/**
 * The log of one instance: lines of the worker's output and of the engine, each behind its time (RFC 3339, UTC).
 * Written at once and in order, so a worker that prints without end is slowed by the disk, not kept in memory; files rotate
 * (`log` → `log.1` → …), so it does not fill the disk either. A disk error drops lines: serving goes on.
 */
export class LogFile {
  readonly #path: string;
  readonly #limits: LogFileLimits;
  readonly #now: () => number;
  readonly #author: string;
  #file: number | null = null;
  #fileBytes = 0;
  #out = Buffer.allocUnsafeSlow(WRITE_BYTES);
  #outBytes = 0;
  readonly #stamp = Buffer.alloc(STAMP_BYTES, 0x20);
  #stampMs = Number.NaN;

  /** @param author who writes the lines that no program printed */
  constructor(path: string, limits: LogFileLimits, now: () => number, author = "engine") {
    this.#author = author;
    this.#path = path;
    this.#limits = limits;
    this.#now = now;
    this.#open();
  }

  get path(): string {
    return this.#path;
  }

  /** One line of our own. */
  line(text: string): void {
    const bytes = Buffer.from(`[${this.#author}] ${text.replaceAll("\n", " ")}`);
    this.writeLine(bytes, 0, bytes.length);
    this.flush();
  }

  /** One line, `bytes[from..to)` without its newline; cut when too long. */
  writeLine(bytes: Uint8Array, from: number, to: number): void {
    this.#writeStamp();
    const limit = from + this.#limits.logLineBytesMax;
    this.#append(bytes, from, Math.min(to, limit));
    if (to > limit) this.#append(CUT_MARK, 0, CUT_MARK.length);
    else this.#appendByte(NEWLINE);
  }

  /** Puts what was gathered into the file. */
  flush(): void {
    if (this.#outBytes === 0) return;
    const bytes = this.#outBytes;
    this.#outBytes = 0;
    try {
      if (this.#fileBytes + bytes > this.#limits.logFileBytesMax && this.#fileBytes > 0) this.#rotate();
      if (this.#file === null) return;
      let at = 0;
      while (at < bytes) at += writeSync(this.#file, this.#out, at, bytes - at);
      this.#fileBytes += bytes;
    } catch {
      // Disk full or the folder gone: the log loses these lines, the service goes on.
    }
  }

  close(): void {
    this.flush();
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }

  #writeStamp(): void {
    const now = this.#now();
    if (now !== this.#stampMs) {
      this.#stampMs = now;
      this.#stamp.write(new Date(now).toISOString(), 0, "latin1");
    }
    this.#append(this.#stamp, 0, STAMP_BYTES);
  }

  #append(bytes: Uint8Array, from: number, to: number): void {
    let at = from;
    while (at < to) {
      if (this.#outBytes === WRITE_BYTES) this.flush();
      const taken = Math.min(to - at, WRITE_BYTES - this.#outBytes);
      this.#out.set(bytes.subarray(at, at + taken), this.#outBytes);
      this.#outBytes += taken;
      at += taken;
    }
  }

  #appendByte(byte: number): void {
    if (this.#outBytes === WRITE_BYTES) this.flush();
    this.#out[this.#outBytes++] = byte;
  }

  #open(): void {
    try {
      this.#file = openSync(this.#path, "a", 0o600);
      this.#fileBytes = statSync(this.#path).size;
    } catch {
      this.#file = null;
    }
  }

  #rotate(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
    const last = this.#limits.logFilesMax - 1;
    rmSync(`${this.#path}.${last}`, { force: true });
    for (let i = last - 1; i >= 1; i--) this.#rename(`${this.#path}.${i}`, `${this.#path}.${i + 1}`);
    if (last >= 1) this.#rename(this.#path, `${this.#path}.1`);
    else rmSync(this.#path, { force: true });
    this.#open();
  }

  #rename(from: string, to: string): void {
    try {
      renameSync(from, to);
    } catch {
      // There were not that many yet.
    }
  }
}

/** Characters of a last line that are remembered. */
const LAST_CHARS = 300;

/** What Node writes behind its last words. */
const NATIVE_TRACE = /^(?:\d+: 0x[0-9a-f]+ |----- Native stack trace -----)/;

/** Cuts one output stream of a worker into lines of its log. */
export class LineCutter {
  /** The last line that is not empty, for messages about a worker that ended: mostly it says why. */
  lastLine = "";
  readonly #log: LogFile;
  readonly #keptMax: number;
  /** The line so far; never longer than what of it is logged, plus one byte that makes the cut show. */
  #kept = Buffer.alloc(0);

  constructor(log: LogFile, limits: LogFileLimits) {
    this.#log = log;
    this.#keptMax = limits.logLineBytesMax + 1;
  }

  push(chunk: Buffer): void {
    let at = 0;
    let [wholeFrom, lastTo] = [0, 0];
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, at)) {
      if (this.#kept.length > 0) {
        this.#endKept(chunk.subarray(at, end));
        wholeFrom = end + 1;
      } else {
        this.#log.writeLine(chunk, at, end);
        if (end > at) lastTo = end;
      }
      at = end + 1;
    }
    this.#rememberLast(chunk, wholeFrom, lastTo);
    if (at < chunk.length) this.#keep(chunk.subarray(at));
    this.#log.flush();
  }

  /** Of whole lines: mostly the last of them is the one. */
  #rememberLast(lines: Buffer, from: number, to: number): void {
    for (let end = to; end > from; ) {
      const at = Math.max(from, lines.lastIndexOf(NEWLINE, end - 1) + 1);
      if (this.#remember(lines.subarray(at, end))) return;
      end = at - 1;
    }
  }

  /** False when the line says nothing. */
  #remember(line: Buffer): boolean {
    const text = line.toString("utf8", 0, LAST_CHARS).trim();
    if (text === "" || NATIVE_TRACE.test(text)) return false;
    this.lastLine = text;
    return true;
  }

  /** A last line without its newline. */
  end(): void {
    if (this.#kept.length > 0) this.#endKept(Buffer.alloc(0));
    this.#log.flush();
  }

  #keep(part: Buffer): void {
    const room = this.#keptMax - this.#kept.length;
    if (room > 0) this.#kept = Buffer.concat([this.#kept, part.subarray(0, room)]);
  }

  #endKept(part: Buffer): void {
    this.#keep(part);
    this.#remember(this.#kept);
    this.#log.writeLine(this.#kept, 0, this.#kept.length);
    this.#kept = Buffer.alloc(0);
  }
}
