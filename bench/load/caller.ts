import { connect, type Socket } from "node:net";

const END_OF_HEAD = Buffer.from("\r\n\r\n");
const READ_BYTES = 64 * 1024;
/** One for the process: bytes in it are looked at before the next read. */
const SHARED = Buffer.allocUnsafeSlow(READ_BYTES);

/**
 * One keep-alive connection of a load, one request at a time, always the same bytes. It reads as little of an answer as it can: status and
 * content-length. Answers without one are counted as failed.
 */
export class Caller {
  /** What the request in flight counts from; in the caller's own clock. */
  startedAt = 0;
  /** A request is in flight. */
  isBusy = false;
  readonly #socket: Socket;
  readonly #request: Buffer;
  readonly #done: (caller: Caller, isGood: boolean) => void;
  readonly #lost: (caller: Caller, wasBusy: boolean) => void;
  #isGood = false;
  /** Bytes of the answer's body still to come; -1 while its head is read. */
  #left = -1;
  #head: Buffer = Buffer.alloc(0);

  constructor(
    port: number,
    request: Buffer,
    done: (caller: Caller, isGood: boolean) => void,
    lost: (caller: Caller, wasBusy: boolean) => void,
  ) {
    this.#request = request;
    this.#done = done;
    this.#lost = lost;
    const onread = { buffer: SHARED, callback: (count: number) => this.#read(count) };
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true, onread });
    this.#socket.on("error", () => {}); // 'close' follows
    this.#socket.on("close", () => this.#lost(this, this.isBusy));
  }

  send(startedAt: number): void {
    this.startedAt = startedAt;
    this.isBusy = true;
    this.#left = -1;
    this.#socket.write(this.#request);
  }

  end(): void {
    this.isBusy = false;
    this.#socket.destroy();
  }

  #read(count: number): boolean {
    let from = 0;
    if (this.#left === -1) {
      const bytes = this.#head.length > 0 ? Buffer.concat([this.#head, SHARED.subarray(0, count)]) : SHARED;
      const to = this.#head.length + count;
      const end = bytes.subarray(0, to).indexOf(END_OF_HEAD);
      if (end === -1) {
        this.#head = Buffer.from(bytes.subarray(0, to));
        return true;
      }
      const text = bytes.toString("latin1", 0, end);
      const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
      this.#isGood = text.startsWith("HTTP/1.1 200") && length !== undefined;
      from = end + 4 - this.#head.length;
      this.#left = Number(length ?? 0);
      this.#head = Buffer.alloc(0);
    }
    this.#left -= count - from;
    if (this.#left > 0) return true;
    this.isBusy = false;
    this.#done(this, this.#isGood && this.#left === 0);
    return true;
  }
}
