import { rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Address } from "../../src/core/traffic/route-table.ts";
import { ContentCollector } from "../../src/http1/content-collector.ts";
import { MessageBody } from "../../src/http1/message-body.ts";
import { MessageHead } from "../../src/http1/message-head.ts";
import { parseRequestHead } from "../../src/http1/request-head.ts";

/** One whole request as an instance received it. */
export interface SeenRequest {
  readonly head: string;
  readonly body: Buffer;
  /** Which connection of this server, from 0, and which request on it. */
  readonly connection: number;
  readonly index: number;
}

/** An instance whose every byte is decided by the test. `answer` gets each whole request and the socket to write to. */
export class RawUpstream {
  readonly seen: SeenRequest[] = [];
  readonly sockets: Socket[] = [];
  /** Bytes received, whole requests or not. */
  bytesSeen = 0;
  readonly #server: Server;
  readonly #unixPath: string | undefined;

  constructor(answer: (request: SeenRequest, socket: Socket) => void, unixPath?: string) {
    this.#unixPath = unixPath;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket, answer));
  }

  async listen(port = 0): Promise<Address> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    if (this.#unixPath === undefined) this.#server.listen(port, "127.0.0.1", resolve);
    else {
      rmSync(this.#unixPath, { force: true });
      this.#server.listen(this.#unixPath, resolve);
    }
    await promise;
    return this.address();
  }

  address(): Address {
    if (this.#unixPath !== undefined) return { kind: "unix", path: this.#unixPath };
    return { kind: "tcp", host: "127.0.0.1", port: (this.#server.address() as AddressInfo).port };
  }

  #accept(socket: Socket, answer: (request: SeenRequest, socket: Socket) => void): void {
    const connection = this.sockets.push(socket) - 1;
    const head = new MessageHead();
    const body = new MessageBody();
    let bytes: Buffer = Buffer.alloc(0);
    let index = 0;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      this.bytesSeen += chunk.length;
      bytes = Buffer.concat([bytes, chunk]);
      for (;;) {
        const from = parseRequestHead(head, bytes, 0, bytes.length);
        if (from <= 0) return;
        const collector = new ContentCollector(1 << 30, -1);
        body.sink = collector;
        body.startRequest(head);
        const end = body.advance(bytes, from, bytes.length);
        if (end < 0) return;
        const request = {
          head: bytes.toString("latin1", 0, from),
          body: Buffer.from(collector.take()),
          connection,
          index,
        };
        index++;
        bytes = Buffer.from(bytes.subarray(end));
        this.seen.push(request);
        answer(request, socket);
      }
    });
  }

  /** Ends everything at once. */
  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A whole answer with a length. */
export function plain(status: number, body: string, more = ""): string {
  return `HTTP/1.1 ${status} X\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;
}
