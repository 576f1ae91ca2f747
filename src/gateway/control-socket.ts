import { chmodSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import type { GatewayMessage } from "../core/gateway-report.ts";
import {
  CONTROL_BEHIND_BYTES_MAX,
  CONTROL_LINE_BYTES_MAX,
  CONTROL_WAITING_BYTES_MAX,
  TABLE_SLICE_MS,
} from "./limits.ts";

const LF = 0x0a;

/** Who is behind a control socket. */
export interface ControlSocketHost {
  /** Monotonic. */
  nowMs(): number;
  /** No command may be handed on now; `resume` says when. */
  isHeld(): boolean;
  /** A line that came on `link` as so many bytes: parsed, not checked. */
  command(command: unknown, link: object, bytes: number): void;
  /** Nothing more comes on `link`. */
  closed(link: object): void;
}

/** One connection. */
interface Link {
  readonly socket: Socket;
  /** Of its lines that are not handed on yet. */
  waitingBytes: number;
}

/**
 * Where the control process talks to this worker: lines of JSON over a unix socket (docs/internals/protocols.md). The loss of a connection
 * changes nothing; a new one may come at any time. Commands are handed on in the order in which they came, for a slice of time in each turn
 * of the loop.
 */
export class ControlSocket {
  readonly #path: string;
  readonly #hello: () => GatewayMessage;
  readonly #host: ControlSocketHost;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Lines to be handed on; null: the end of a connection. */
  readonly #waiting: { readonly link: Link; readonly line: Buffer | null }[] = [];
  #turn: NodeJS.Immediate | null = null;
  #isHanding = false;

  /** `hello` makes the first line of each connection. */
  constructor(path: string, hello: () => GatewayMessage, host: ControlSocketHost) {
    this.#path = path;
    this.#hello = hello;
    this.#host = host;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Starts to listen; only our own user may connect. A socket file left by a dead worker is replaced. */
  async listen(): Promise<void> {
    rmSync(this.#path, { force: true });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen(this.#path, resolve);
    await promise;
    chmodSync(this.#path, 0o600);
  }

  #accept(socket: Socket): void {
    const link: Link = { socket, waitingBytes: 0 };
    this.#sockets.add(socket);
    socket.on("error", () => {}); // 'close' follows
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#waiting.push({ link, line: null });
      this.resume();
    });
    let parts: Buffer[] = [];
    let bytes = 0;
    socket.on("data", (chunk: Buffer) => {
      let from = 0;
      for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, from)) {
        parts.push(chunk.subarray(from, at));
        const line = Buffer.concat(parts);
        this.#waiting.push({ link, line });
        link.waitingBytes += line.length;
        [parts, bytes] = [[], 0];
        from = at + 1;
      }
      parts.push(chunk.subarray(from));
      bytes += chunk.length - from;
      if (bytes > CONTROL_LINE_BYTES_MAX) socket.destroy();
      if (link.waitingBytes > CONTROL_WAITING_BYTES_MAX) socket.pause();
      this.resume();
    });
    this.#write(socket, this.#hello());
  }

  /** Hands on what has come, as far as it may be now. */
  resume(): void {
    if (this.#isHanding || this.#turn !== null) return;
    this.#isHanding = true;
    const endMs = this.#host.nowMs() + TABLE_SLICE_MS;
    while (this.#waiting.length > 0 && !this.#host.isHeld()) {
      const { link, line } = this.#waiting.shift()!;
      if (line === null) this.#host.closed(link);
      else this.#line(link, line);
      if (this.#host.nowMs() < endMs || this.#waiting.length === 0) continue;
      this.#turn = setImmediate(() => {
        this.#turn = null;
        this.resume();
      });
      break;
    }
    this.#isHanding = false;
  }

  #line(link: Link, line: Buffer): void {
    link.waitingBytes -= line.length;
    if (link.waitingBytes <= CONTROL_WAITING_BYTES_MAX) link.socket.resume();
    let command: unknown;
    try {
      command = JSON.parse(line.toString("utf8"));
    } catch {
      // Whoever it is does not speak our protocol.
      link.socket.destroy();
      return;
    }
    this.#host.command(command, link, line.length);
  }

  #write(socket: Socket, message: GatewayMessage): void {
    this.#writeLine(socket, [JSON.stringify(message)]);
  }

  #writeLine(socket: Socket, pieces: readonly string[]): void {
    // A control process that hangs must not make us hold reports for it.
    if (socket.writableLength > CONTROL_BEHIND_BYTES_MAX) {
      socket.destroy();
      return;
    }
    socket.cork();
    for (const piece of pieces) socket.write(piece);
    socket.write("\n");
    socket.uncork();
  }

  /** A control process is connected. */
  get isLinked(): boolean {
    return this.#sockets.size > 0;
  }

  /** Tells everybody connected. */
  send(message: GatewayMessage): void {
    for (const socket of this.#sockets) this.#write(socket, message);
  }

  /** The same of a message whose text is in pieces. */
  sendText(pieces: readonly string[]): void {
    for (const socket of this.#sockets) this.#writeLine(socket, pieces);
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    if (this.#turn !== null) clearImmediate(this.#turn);
    this.#waiting.splice(0);
    for (const socket of this.#sockets) socket.destroy();
    await promise;
  }
}
