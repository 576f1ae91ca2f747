import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import { type Attempt, monotonicMs } from "./ledger-entry.ts";

/** Connections at once; a request beyond waits for one, and its wait counts. */
const CONNECTIONS_MAX = 2_000;
/** One that has no answer after this is given up: it is lost. */
const PATIENCE_MS = 60_000;

export interface Call {
  readonly path: string;
  readonly token: string;
  /** Pieces of the stream that is asked for; 0: the answer is no stream. */
  readonly chunksWanted: number;
}

/** What came of a call. */
export interface Received {
  readonly attempt: Attempt;
  /** As the gateway names it; empty where it does not. */
  readonly service: string;
  /** As the instance says; 0 when nobody did. */
  readonly version: number;
  /** Pieces of the stream that came, in order. */
  readonly chunks: number;
}

interface Seen {
  connectedAtMs: number | null;
  sentAtMs: number | null;
  localPort: number;
  isReused: boolean;
  status: number;
  reason: string;
  service: string;
  text: string;
  bytes: number;
}

/** POSTs over kept connections, used in turn so that all stay in use, or each over a new one; notes all that it sees of each. */
export class LedgerClient {
  readonly #port: number;
  readonly #kept = new Agent({ keepAlive: true, scheduling: "fifo", maxSockets: CONNECTIONS_MAX });
  readonly #connectedAt = new WeakMap<Socket, number>();

  constructor(port: number) {
    this.#port = port;
  }

  /**
   * On a kept connection, on one and then no more, or on a new one for this request only. Never rejects: whatever happens is in the
   * attempt.
   */
  ask(call: Call, connection: "kept" | "last" | "new"): Promise<Received> {
    const startedAtMs = monotonicMs();
    const { promise, resolve } = Promise.withResolvers<Received>();
    const seen: Seen = {
      connectedAtMs: null,
      sentAtMs: null,
      localPort: 0,
      isReused: false,
      status: 0,
      reason: "",
      service: "",
      text: "",
      bytes: 0,
    };
    const req = request({
      host: "127.0.0.1",
      port: this.#port,
      path: call.path,
      method: "POST",
      agent: connection === "new" ? false : this.#kept,
      headers: {
        authorization: call.token,
        "content-length": 1,
        connection: connection === "kept" ? "keep-alive" : "close",
      },
    });
    const timer = setTimeout(() => req.destroy(new Error("TIMEOUT")), PATIENCE_MS);
    let isOver = false;
    const finish = (error: string) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      resolve(this.#received(call, seen, startedAtMs, error));
    };
    req.on("socket", (socket) => this.#watch(req, socket, seen));
    req.on("error", (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
    req.on("response", (answer) => read(answer, seen, finish));
    req.end("x");
    return promise;
  }

  close(): void {
    this.#kept.destroy();
  }

  #watch(req: ClientRequest, socket: Socket, seen: Seen): void {
    const begin = () => {
      seen.connectedAtMs = this.#connectedAt.get(socket) ?? monotonicMs();
      this.#connectedAt.set(socket, seen.connectedAtMs);
      seen.sentAtMs = monotonicMs();
      seen.localPort = socket.localPort ?? 0;
      seen.isReused = req.reusedSocket;
    };
    if (socket.connecting) socket.once("connect", begin);
    else begin();
  }

  #received(call: Call, seen: Seen, startedAtMs: number, error: string): Received {
    const { service, text, status, reason, ...rest } = seen;
    const { version, chunks, isComplete } = call.chunksWanted > 0 ? streamed(text) : plain(text);
    const isWhole = error === "" && status === 200 && isComplete && chunks === call.chunksWanted;
    const why = error !== "" ? error : status === 200 && !isWhole ? "INCOMPLETE" : reason;
    const endedAtMs = monotonicMs();
    return {
      attempt: { ...rest, startedAtMs, endedAtMs, status, reason: why, isWhole },
      service,
      version: status === 200 ? version : 0,
      chunks,
    };
  }
}

function read(answer: IncomingMessage, seen: Seen, finish: (error: string) => void): void {
  seen.status = answer.statusCode ?? 0;
  seen.reason = String(answer.headers["x-sluice-reason"] ?? "");
  seen.service = String(answer.headers["x-sluice-service"] ?? "");
  answer.setEncoding("latin1");
  answer.on("data", (piece: string) => {
    seen.text += piece;
    seen.bytes += piece.length;
  });
  answer.on("error", (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
  answer.on("end", () => finish(""));
}

/** `v7 4711 x`: version, process, and the body that was sent. */
function plain(text: string) {
  const version = Number(/^v(\d+) \d+ x$/.exec(text)?.[1] ?? 0);
  return { version, chunks: 0, isComplete: version > 0 };
}

/** Lines `0 v7`, `1 v7`, …, then `end`. Only those that come in order count. */
function streamed(text: string) {
  const lines = text.split("\n");
  const version = Number(/^0 v(\d+)$/.exec(lines[0]!)?.[1] ?? 0);
  let chunks = 0;
  while (lines[chunks] === `${chunks} v${version}`) chunks++;
  return { version, chunks, isComplete: lines[chunks] === "end" };
}
