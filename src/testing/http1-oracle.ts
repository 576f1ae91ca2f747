import { createServer, type IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { ContentCollector } from "../http1/content-collector.ts";
import { BODY_MORE, MessageBody } from "../http1/message-body.ts";
import { MessageHead } from "../http1/message-head.ts";
import { parseRequestHead } from "../http1/request-head.ts";

/** One request as somebody read it. */
export interface ReadRequest {
  readonly method: string;
  readonly target: string;
  readonly body: string;
}

/** What a reader made of a byte stream. */
export interface CodecReading {
  readonly messages: ReadRequest[];
  /** Why it refused what came after them: a negative result of the head parser, BODY_REFUSAL, or 0 when it did not. */
  readonly refusal: number;
  /** The bytes end within a message. */
  readonly isCutOff: boolean;
  /** Where the message begins that was refused, or that ended the connection. */
  readonly restFrom: number;
  /** Messages up to and with the first that asks for an upgrade; all when none does. */
  readonly beforeUpgrade: number;
}

/** All requests that our codec reads from `raw`. */
export function readByCodec(raw: Buffer): CodecReading {
  const head = new MessageHead();
  const body = new MessageBody();
  const messages: ReadRequest[] = [];
  let upgradeAt = -1;
  const said = (refusal: number, isCutOff: boolean) => {
    const beforeUpgrade = upgradeAt === -1 ? messages.length : upgradeAt + 1;
    return { messages, refusal, isCutOff, restFrom, beforeUpgrade };
  };
  let at = 0;
  let restFrom = 0;
  while (at < raw.length) {
    const bodyFrom = parseRequestHead(head, raw, at, raw.length);
    if (bodyFrom <= 0) return said(bodyFrom, bodyFrom === 0);
    const collector = new ContentCollector(1 << 16, head.contentLength);
    body.sink = collector;
    body.startRequest(head);
    const method = raw.toString("latin1", head.methodFrom, head.methodTo);
    const target = raw.toString("latin1", head.targetFrom, head.targetTo);
    at = body.advance(raw, bodyFrom, raw.length);
    if (at < 0) return said(at === BODY_MORE ? 0 : BODY_REFUSAL, at === BODY_MORE);
    if (head.isUpgrade && upgradeAt === -1) upgradeAt = messages.length;
    messages.push({ method, target, body: collector.take().toString("latin1") });
    if (!head.isKeepAlive) break;
    restFrom = at;
  }
  return said(0, false);
}

/** The `refusal` of a body whose chunks are broken; others are results of the head parser. */
export const BODY_REFUSAL = -100;

/** All whole requests that node:http reads from `pieces`, each handed over in a turn of the loop of its own. */
export async function readByNode(pieces: readonly Buffer[]): Promise<ReadRequest[]> {
  const options = { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0, maxHeaderSize: 64 * 1024 };
  // Without upgrades it goes on as we do: such a request is answered like any other.
  const server = createServer({ ...options, shouldUpgradeCallback: () => false });
  const messages: ReadRequest[] = [];
  const take = (req: IncomingMessage, answer: () => void) => {
    let body = "";
    req.setEncoding("latin1");
    req.on("data", (text: string) => {
      body += text;
    });
    req.on("end", () => {
      messages.push({ method: req.method ?? "", target: req.url ?? "", body });
      answer();
    });
  };
  server.on("request", (req, res) => take(req, () => res.end()));
  server.on("checkContinue", (req, res) => take(req, () => res.end()));
  server.on("connect", (_, socket) => socket.destroy());
  // Later, so that messages before the bad one have come to their end.
  server.on("clientError", (_, socket) => setImmediate(() => socket.destroy()));
  const { promise, resolve } = Promise.withResolvers<void>();
  const wire = new Duplex({
    read() {},
    write: (_chunk, _encoding, done) => done(),
    destroy(error, done) {
      done(error);
      resolve();
    },
  });
  wire.on("error", () => resolve());
  wire.on("finish", () => resolve());
  wire.on("close", () => resolve());
  server.emit("connection", wire);
  for (const piece of pieces) {
    wire.push(piece);
    if (pieces.length > 1) await new Promise((next) => setImmediate(next));
  }
  wire.push(null);
  await promise;
  wire.destroy();
  return messages;
}

/** llhttp knows a list of methods and refuses others. "Any method is forwarded" (eas-reference §3.1), so we do not. */
export const isMethodKnownToNode = (method: string): boolean =>
  /^(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH)$/.test(method);
