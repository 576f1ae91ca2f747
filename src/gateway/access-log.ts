import { type FileHandle, open, rename } from "node:fs/promises";
import type { AccessLogOptions } from "../core/gateway-report.ts";
import { METHOD, type MessageHead } from "../http1/message-head.ts";
import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";
import { AccessText } from "./access-text.ts";
import {
  ACCESS_LOG_BEHIND_BYTES_MAX,
  ACCESS_LOG_FILE_BYTES_MAX,
  ACCESS_LOG_FILES_MAX,
  ACCESS_LOG_PATH_CHARS_MAX,
  ACCESS_LOG_WRITE_BYTES,
} from "./limits.ts";

const QUERY = 0x3f;
/** By their number; none for another. */
const METHODS: readonly (string | undefined)[] = Object.entries(METHOD).map(([name, n]) =>
  n === METHOD.OTHER ? undefined : name,
);

/** Where an answer goes. */
export interface Sent {
  /** Bytes since it began. */
  readonly bytesWritten: number;
}

/** One line to be: what has to be kept from the request's head, as its bytes are gone when the answer ends. */
export interface AccessEntry {
  readonly method: string | null;
  readonly path: string | null;
  /** Bytes that the connection had sent when the request began. */
  readonly sentBefore: number;
}

/** What is known when the request is over. */
export interface AccessEnd {
  readonly requestId: string;
  readonly client: string;
  /** Who stands in the address: a service or a group; null for an unknown one. */
  readonly service: string | null;
  /** The member that a group's request went to. */
  readonly member: string | null;
  readonly instance: string | null;
  readonly status: number;
  /** Why, when the answer is the gateway's own. */
  readonly reason: string | null;
  readonly bytes: number;
  readonly ms: number;
}

type LogHandle = Pick<FileHandle, "write" | "close" | "stat">;

/** The files under the log; a test may give others. */
export interface AccessLogFiles {
  open(path: string): Promise<LogHandle>;
  rename(from: string, to: string): Promise<void>;
}

const FILES: AccessLogFiles = { open: (path) => open(path, "a", 0o600), rename };

/**
 * One JSON line for each request, or for a share of them by chance. Lines are gathered and written beside the loop, one write at a
 * time. Nobody waits for the disk: while it is behind by more than a bound, lines are dropped and counted. Files rotate, so that the log
 * stays below a fixed size. No token and no body ever gets into it; of the address the query only when it was asked for.
 */
export class AccessLog {
  readonly options: AccessLogOptions & { readonly file: string };
  written = 0;
  dropped = 0;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #files: AccessLogFiles;
  readonly #text = new AccessText();
  #lines: string[] = [];
  #bytes = 0;
  #writing: Promise<void> | null = null;
  #handle: LogHandle | null = null;
  #fileBytes = 0;

  constructor(
    options: AccessLogOptions & { readonly file: string },
    deps: { readonly clock: Clock; readonly random: Random; readonly files?: AccessLogFiles },
  ) {
    this.options = options;
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#files = deps.files ?? FILES;
  }

  /** For a request that begins; null when it is not among those that get a line. `head` is null for bytes that are no request. */
  begin(head: MessageHead | null, buf: Buffer | null, sent: Sent): AccessEntry | null {
    if (this.#random.next() >= (this.options.share ?? 0)) return null;
    // Not free to read, so only for one that gets a line.
    const sentBefore = sent.bytesWritten;
    if (head === null || buf === null) return { method: null, path: null, sentBefore };
    const query = this.options.withQuery ? -1 : buf.subarray(head.pathFrom, head.targetTo).indexOf(QUERY);
    const to = query === -1 ? head.targetTo : head.pathFrom + query;
    const end = Math.min(to, head.pathFrom + ACCESS_LOG_PATH_CHARS_MAX);
    return {
      method: METHODS[head.method] ?? buf.toString("latin1", head.methodFrom, head.methodTo),
      path: buf.toString("latin1", head.pathFrom, end),
      sentBefore,
    };
  }

  /** For a request that is over. */
  end(entry: AccessEntry, end: AccessEnd): void {
    const line = this.#text.line(this.#clock.now(), entry, end);
    if (this.#bytes + line.length > ACCESS_LOG_BEHIND_BYTES_MAX) {
      this.dropped++;
      return;
    }
    this.#lines.push(line);
    this.#bytes += line.length;
    if (this.#bytes >= ACCESS_LOG_WRITE_BYTES) this.flush();
  }

  /** Begins to write what was gathered, unless a write is under way. */
  flush(): void {
    if (this.#writing !== null || this.#bytes === 0) return;
    const lines = this.#lines;
    [this.#lines, this.#bytes] = [[], 0];
    this.#writing = this.#write(lines).finally(() => {
      this.#writing = null;
    });
  }

  /** What was written and dropped since the last call. */
  take(): { readonly written: number; readonly dropped: number } {
    const { written, dropped } = this;
    this.written = this.dropped = 0;
    return { written, dropped };
  }

  /** Writes the rest. */
  async close(): Promise<void> {
    await this.#writing;
    this.flush();
    await this.#writing;
    await this.#handle?.close().catch(() => {}); // what was written is written
    this.#handle = null;
  }

  async #write(lines: readonly string[]): Promise<void> {
    const bytes = Buffer.from(lines.join(""), "latin1");
    try {
      let handle = this.#handle ?? (await this.#open());
      if (this.#fileBytes > 0 && this.#fileBytes + bytes.length > ACCESS_LOG_FILE_BYTES_MAX) {
        await this.#rotate();
        handle = await this.#open();
      }
      let at = 0;
      while (at < bytes.length) at += (await handle.write(bytes, at)).bytesWritten;
      this.#fileBytes += bytes.length;
      this.written += lines.length;
    } catch {
      // Disk full, or the folder gone: these lines are lost and counted; serving goes on, and the next write tries anew.
      this.dropped += lines.length;
      await this.#handle?.close().catch(() => {});
      this.#handle = null;
    }
  }

  async #open(): Promise<LogHandle> {
    const handle = await this.#files.open(this.options.file);
    this.#handle = handle;
    this.#fileBytes = (await handle.stat()).size;
    return handle;
  }

  async #rotate(): Promise<void> {
    await this.#handle?.close();
    this.#handle = null;
    const { file } = this.options;
    for (let i = ACCESS_LOG_FILES_MAX - 1; i >= 1; i--) {
      const from = i === 1 ? file : `${file}.${i - 1}`;
      await this.#files.rename(from, `${file}.${i}`).catch(() => {}); // there were not that many yet
    }
  }
}
