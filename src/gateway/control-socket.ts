import { chmodSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import type { GatewayMessage } from "../core/gateway-report.ts";
import { CONTROL_BEHIND_BYTES_MAX, CONTROL_LINE_BYTES_MAX } from "./limits.ts";

const LF = 0x0a;

/**
 * Where the control process talks to this worker: lines of JSON over a unix socket (docs/internals/protocols.md). The loss of a connection
 * changes nothing; a new one may come at any time.
 */
export class ControlSocket {
  readonly #path: string;
  readonly #hello: () => GatewayMessage;
  readonly #command: (command: unknown) => void;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** `hello` makes the first line of each connection; `command` gets each line, parsed but not checked. */
  constructor(path: string, hello: () => GatewayMessage, command: (command: unknown) => void) {
    this.#path = path;
    this.#hello = hello;
    this.#command = command;
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
    this.#sockets.add(socket);
    socket.on("error", () => {}); // 'close' follows
    socket.on("close", () => this.#sockets.delete(socket));
    let parts: Buffer[] = [];
    let bytes = 0;
    socket.on("data", (chunk: Buffer) => {
      let from = 0;
      for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, from)) {
        parts.push(chunk.subarray(from, at));
        this.#line(socket, Buffer.concat(parts));
        [parts, bytes] = [[], 0];
        from = at + 1;
      }
      parts.push(chunk.subarray(from));
      bytes += chunk.length - from;
      if (bytes > CONTROL_LINE_BYTES_MAX) socket.destroy();
    });
    this.#write(socket, this.#hello());
  }

  #line(socket: Socket, line: Buffer): void {
    let command: unknown;
    try {
      command = JSON.parse(line.toString("utf8"));
    } catch {
      // Whoever it is does not speak our protocol.
      socket.destroy();
      return;
    }
    this.#command(command);
  }

  #write(socket: Socket, message: GatewayMessage): void {
    // A control process that hangs must not make us hold reports for it.
    if (socket.writableLength > CONTROL_BEHIND_BYTES_MAX) socket.destroy();
    else socket.write(`${JSON.stringify(message)}\n`);
  }

  /** A control process is connected. */
  get isLinked(): boolean {
    return this.#sockets.size > 0;
  }

  /** Tells everybody connected. */
  send(message: GatewayMessage): void {
    for (const socket of this.#sockets) this.#write(socket, message);
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const socket of this.#sockets) socket.destroy();
    await promise;
  }
}
