import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Address } from "../../src/core/traffic/route-table.ts";

/** Appended to the client's key (RFC 6455 §1.3). */
const KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** One message or control frame as it came from a client, unmasked. */
interface Frame {
  readonly first: number;
  readonly payload: Buffer;
  readonly end: number;
}

/** A small WebSocket server (RFC 6455, no extensions): sends every data frame back as it came, answers ping and close. */
export class WebSocketServer {
  readonly requests: IncomingMessage[] = [];
  /** Codes of the close frames that clients sent. */
  readonly closeCodes: number[] = [];
  readonly sockets = new Set<Duplex>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((_, res) => res.end("no WebSocket"));
    this.#server.on("upgrade", (req: IncomingMessage, socket: Duplex, ahead: Buffer) => {
      this.requests.push(req);
      this.#serve(req, socket, ahead);
    });
  }

  async listen(): Promise<Address> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return { kind: "tcp", host: "127.0.0.1", port: (this.#server.address() as AddressInfo).port };
  }

  #serve(req: IncomingMessage, socket: Duplex, ahead: Buffer): void {
    this.sockets.add(socket);
    socket.on("error", () => {}); // 'close' follows
    socket.on("close", () => this.sockets.delete(socket));
    const accept = createHash("sha1")
      .update(`${req.headers["sec-websocket-key"]}${KEY_SUFFIX}`)
      .digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    let bytes: Buffer = ahead;
    socket.on("data", (chunk: Buffer) => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      for (let frame = readFrame(bytes); frame !== null; frame = readFrame(bytes)) {
        bytes = bytes.subarray(frame.end);
        this.#answer(socket, frame);
      }
    });
  }

  #answer(socket: Duplex, { first, payload }: Frame): void {
    const opcode = first & 0x0f;
    if (opcode === OPCODE.ping) socket.write(frameOf(0x80 | OPCODE.pong, payload));
    else if (opcode === OPCODE.close) {
      this.closeCodes.push(payload.length >= 2 ? payload.readUInt16BE() : 1005);
      socket.end(frameOf(0x80 | OPCODE.close, payload));
    } else if (opcode !== OPCODE.pong) socket.write(frameOf(first, payload));
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The first frame in `buf`, its payload unmasked; null when it is not all here (RFC 6455 §5.2). */
function readFrame(buf: Buffer): Frame | null {
  if (buf.length < 2) return null;
  const short = buf[1]! & 0x7f;
  const lengthTo = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (buf.length < lengthTo) return null;
  const length = short === 127 ? Number(buf.readBigUInt64BE(2)) : short === 126 ? buf.readUInt16BE(2) : short;
  const from = lengthTo + 4;
  if (buf.length < from + length) return null;
  const payload = Buffer.from(buf.subarray(from, from + length));
  for (let i = 0; i < length; i++) payload[i]! ^= buf[lengthTo + (i & 3)]!;
  return { first: buf[0]!, payload, end: from + length };
}

function frameOf(first: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65536 ? 4 : 10);
  head[0] = first;
  if (length < 126) head[1] = length;
  else if (length < 65536) {
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
}
