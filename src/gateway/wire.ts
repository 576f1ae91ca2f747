import { connect, Socket } from "node:net";
import type { Address } from "../core/traffic/route-table.ts";
import { giveBuffer, takeBuffer } from "./buffer-pool.ts";
import { bytesInFlight } from "./bytes-in-flight.ts";
import { READ_BYTES } from "./limits.ts";
import {
  type OnRead,
  type PendingWrite,
  type WriteHandle,
  withOnRead,
  writeError,
  writeHandleOf,
} from "./node-seams.ts";
import { NOBODY, type WireOwner } from "./wire-owner.ts";

/**
 * The one read buffer of the process. Bytes in it are gone with the next read of any connection, so whoever gets them copies what it
 * keeps, and never hands them to a write: the kernel may take a part and leave libuv with a pointer to the rest.
 */
const SHARED = Buffer.allocUnsafeSlow(READ_BYTES);
const NOTHING = Buffer.alloc(0);
/** What the socket that is asked for its next buffer reads into: the shared one at its start; null: what it has. */
let nextBuffer: Buffer | null = SHARED;
/** The wire of a socket. */
const WIRE = Symbol("wire");
type WiredSocket = Socket & { [WIRE]?: Wire };

/**
 * A socket with the two things that make it cheap: reads into a static buffer, and writes that go past the stream, whose completion
 * is known without a callback each. Where node-seams.ts found that Node does not allow that, the public API does the same.
 */
export class Wire {
  #owner: WireOwner;
  #socket!: Socket;
  #error: Error | null = null;
  #pendingWrites = 0;
  #pendingBytes = 0;
  #isPaused = false;
  #nextRead: Buffer | null = null;
  #longRead: Buffer | null = null;
  #hasReadBuffer = true;
  /** Where it is written to, past the stream. Null: only the stream can, as when it holds bytes or is about to end. */
  #handle: WriteHandle | null = null;
  #isEncrypted = false;

  constructor(owner: WireOwner) {
    this.#owner = owner;
  }

  /** Starts a connection to an instance. */
  connect(address: Address): void {
    const where =
      address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port };
    const socket = connect({ ...where, noDelay: true, onread: Wire.#ON_READ });
    socket.once("connect", () => {
      // Bytes that had to wait for the connection are the stream's, and go first.
      if (this.#pendingWrites === 0) this.#handle = writeHandleOf(socket);
      this.#owner.connected();
    });
    this.#listen(socket);
  }

  /**
   * Takes over an accepted socket: it goes on as one that reads into our buffer, or else, at 10 to 30 % more CPU per request
   * (bench/gateway), by `data` events. The server must be made with `pauseOnConnect`. A TLS socket stays what it is: what it reads are
   * buffers of its own, and its handle is not the connection.
   */
  adopt(accepted: Socket): void {
    this.#isEncrypted = (accepted as { encrypted?: boolean }).encrypted === true;
    const socket = withOnRead(accepted, Wire.#ON_READ);
    if (socket === null) {
      this.#hasReadBuffer = false;
      this.#listen(accepted);
      accepted.on("data", (chunk: Buffer) => this.#owner.bytes(chunk, chunk.length));
    } else this.#listen(socket);
    this.#handle = writeHandleOf(this.#socket);
    this.#socket.resume();
  }

  /** For all sockets, of which there are many: one function that each read goes through is one that is compiled into it. */
  static readonly #ON_READ: OnRead = {
    // Asked once at the start and after each read; anything but a buffer keeps the one in use.
    buffer: (() => {
      const next = nextBuffer;
      nextBuffer = SHARED;
      return next;
    }) as () => Uint8Array,
    callback(this: WiredSocket, count, buf) {
      const wire = this[WIRE]!;
      wire.#owner.bytes(buf as Buffer, count);
      nextBuffer = wire.#nextRead;
      wire.#nextRead = null;
      return true;
    },
  };

  /** For all sockets: closures would be a third of what an idle connection holds. */
  static readonly #LISTENERS = {
    error(this: WiredSocket, error: Error): void {
      this[WIRE]!.#error = error;
    },
    end(this: WiredSocket): void {
      this[WIRE]!.#owner.ended();
    },
    close(this: WiredSocket): void {
      this[WIRE]!.#closed();
    },
  };

  #listen(socket: Socket): void {
    this.#socket = socket;
    (socket as WiredSocket)[WIRE] = this;
    const { error, end, close } = Wire.#LISTENERS;
    socket.on("error", error).on("end", end).on("close", close);
  }

  #closed(): void {
    this.#handle = null;
    this.#pendingWrites = 0;
    bytesInFlight.sum -= this.#pendingBytes;
    this.#pendingBytes = 0;
    this.#owner.gone(this.#error);
  }

  /** From now on `owner` lives on it, and each direction ends for itself: a last word of the other side does not close ours. */
  handTo(owner: WireOwner): void {
    this.#owner = owner;
    this.#socket.allowHalfOpen = true;
  }

  /** Gives the connection to somebody else, who reads what comes next; its owner hears no more of it. Not while a write is pending. */
  release(): Socket {
    const socket = this.#socket;
    this.#owner = NOBODY;
    this.#handle = null;
    if (!this.#hasReadBuffer) {
      socket.removeAllListeners("data");
      socket.pause();
      return socket;
    }
    // The way back of `adopt`: a socket with `onread` cannot be read in any other way.
    const inner = socket as unknown as { _handle: object | null };
    const handle = inner._handle;
    inner._handle = null;
    socket.destroy();
    return new Socket({ handle } as ConstructorParameters<typeof Socket>[0]);
  }

  /** Its bytes travel over TLS. */
  get isEncrypted(): boolean {
    return this.#isEncrypted;
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  /** Bytes written since the connection began; not free to read. */
  get bytesWritten(): number {
    return this.#socket.bytesWritten;
  }

  /** Nothing can be written any more: a write failed on the spot, or it is destroyed. */
  get isBroken(): boolean {
    return this.#socket.destroyed || this.#socket.errored !== null;
  }

  /** Some bytes handed over are not yet with the kernel. */
  get isPending(): boolean {
    return this.#pendingWrites > 0;
  }

  /** Bytes that the kernel took over, as far as is known: of a write that is not finished, none. */
  get bytesTaken(): number {
    return this.#socket.bytesWritten - this.#pendingBytes;
  }

  /**
   * Writes `buf[from..to)`. True: the kernel has it all, and `buf` is free. False: `buf` must stay as it is until `flushed`.
   * `released` is a pooled buffer to give back as soon as the write is finished; null when the caller keeps it.
   */
  write(buf: Buffer, from: number, to: number, released: Buffer | null): boolean {
    const handle = this.#handle;
    if (handle === null) return this.#writeStream(buf.subarray(from, to), released);
    const bytes = new Uint8Array(buf.buffer, buf.byteOffset + from, to - from);
    const outcome = handle.writeBuffer(null, bytes);
    if (outcome !== 0) return this.#writeUnfinished(bytes, outcome, released);
    if (released !== null) giveBuffer(released);
    return true;
  }

  /** After a write past the stream that was not done at once: it goes on, or has failed. */
  #writeUnfinished(bytes: Uint8Array, outcome: number | PendingWrite, released: Buffer | null): boolean {
    if (typeof outcome !== "object") {
      this.#failWrite(outcome);
      return false;
    }
    outcome.buffer = bytes;
    this.#begun(bytes.length);
    outcome.oncomplete = (status) => {
      if (status === 0) this.#finished(bytes.length, released);
      else this.#failWrite(status);
    };
    return false;
  }

  #failWrite(status: number | undefined): void {
    this.#handle = null;
    // Once destroyed, what was not finished fails too, and the first error counts.
    if (!this.#socket.destroyed) this.#socket.destroy(writeError(status));
  }

  #writeStream(bytes: Uint8Array, released: Buffer | null): boolean {
    const socket = this.#socket;
    if (socket.destroyed) return false;
    if (!this.#isEncrypted) {
      socket.write(bytes);
      // A stream that wrote at once holds nothing; asking is cheaper than a callback, which would cost a tick for each message.
      if (socket.writableLength === 0 && this.#pendingWrites === 0) {
        if (released !== null && socket.errored === null) giveBuffer(released);
        return true;
      }
    }
    this.#begun(bytes.length);
    // 'drain' is no sign of completion: it comes only above the high-water mark. An empty write comes after all before it. Over TLS no
    // write is complete at once, so there the callback is its own.
    socket.write(this.#isEncrypted ? bytes : NOTHING, (error) => {
      if (error) return;
      if (this.#pendingWrites === 1 && !socket.writableEnded) this.#handle = writeHandleOf(socket);
      this.#finished(bytes.length, released);
    });
    return false;
  }

  #begun(bytes: number): void {
    this.#pendingWrites++;
    this.#pendingBytes += bytes;
    bytesInFlight.sum += bytes;
  }

  #finished(bytes: number, released: Buffer | null): void {
    this.#pendingBytes -= bytes;
    bytesInFlight.sum -= bytes;
    if (released !== null) giveBuffer(released);
    if (--this.#pendingWrites === 0) this.#owner.flushed();
  }

  /** Writes bytes that another wire just read; see `write`. Only shared ones have to be copied. */
  pass(buf: Buffer, from: number, to: number): boolean {
    if (buf !== SHARED) return this.write(buf, from, to, null);
    const out = takeBuffer(to - from);
    return this.write(out, 0, buf.copy(out, 0, from, to), out);
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  /** Reads go into a buffer that we choose. */
  get hasReadBuffer(): boolean {
    return this.#hasReadBuffer;
  }

  /**
   * From the next read on, reads into `buffer`, at most `bytes` at once. Only while a read is being handled. The wire owns the
   * buffer until {@link readShared}.
   */
  readInto(buffer: Buffer, bytes: number): void {
    this.#longRead = buffer;
    this.#nextRead = bytes < buffer.length ? buffer.subarray(0, bytes) : buffer;
  }

  /** The long buffer in use; null when reads go to the shared one. */
  get longRead(): Buffer | null {
    return this.#longRead;
  }

  /** Reads into the shared buffer again, and gives out the long one. Only when no write from it is pending. */
  readShared(): Buffer | null {
    const was = this.#longRead;
    if (was === null) return null;
    this.#longRead = null;
    this.#nextRead = SHARED;
    return was;
  }

  /** Sends what was written, then closes our side. */
  end(): void {
    this.#handle = null;
    this.#socket.end();
  }

  destroy(): void {
    this.#handle = null;
    this.#socket.destroy();
  }
}
