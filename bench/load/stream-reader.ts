/**
 * The clients of the stream suite, in a process of their own. Opens streams, says `{open}` when each has had a chunk, counts for a time
 * from the next line on its standard input, and says a {@link StreamResult}.
 */
import { connect, type Socket } from "node:net";
import { Histogram } from "../../src/core/meter/histogram.ts";
import { loadOptions, tell } from "./talk.ts";

export interface ReaderOptions {
  readonly port: number;
  readonly path: string;
  readonly token: string;
  readonly streams: number;
  readonly seconds: number;
}

/** Delays are from the source's write to the read here. */
export interface StreamResult {
  readonly chunks: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
}

/** At once while they are opened. */
const OPENING_MAX = 50;
const MARK = Buffer.from("data: ");
const DIGITS = 16;
const READ_BYTES = 64 * 1024;
const SHARED = Buffer.allocUnsafeSlow(READ_BYTES);

const { port, path, token, streams, seconds } = loadOptions<ReaderOptions>();
const request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: ${token}\r\nAccept: text/event-stream\r\n\r\n`;
const sockets = new Set<Socket>();
const histogram = new Histogram();
let [isCounting, chunks, maxUs, opened] = [false, 0, 0, 0];
let isEnding = false;

function record(bytes: Buffer, at: number, nowNs: number): void {
  const us = (nowNs - Number(bytes.toString("latin1", at, at + DIGITS))) / 1000;
  histogram.record(us);
  if (us > maxUs) maxUs = us;
  chunks++;
}

function open(): void {
  let rest: Buffer = Buffer.alloc(0);
  let hasChunk = false;
  const callback = (count: number) => {
    const nowNs = Number(process.hrtime.bigint());
    const fresh = SHARED.subarray(0, count);
    const bytes = rest.length > 0 ? Buffer.concat([rest, fresh]) : fresh;
    let from = 0;
    for (let at = bytes.indexOf(MARK); at !== -1; at = bytes.indexOf(MARK, from)) {
      if (at + MARK.length + DIGITS > bytes.length) break;
      from = at + MARK.length + DIGITS;
      if (isCounting) record(bytes, at + MARK.length, nowNs);
      if (!hasChunk) {
        hasChunk = true;
        firstChunk();
      }
    }
    // A chunk may be cut anywhere: what could be its beginning is kept.
    rest = Buffer.from(bytes.subarray(Math.max(from, bytes.length - MARK.length - DIGITS)));
    return true;
  };
  const socket = connect({ port, host: "127.0.0.1", noDelay: true, onread: { buffer: SHARED, callback } });
  sockets.add(socket);
  socket.on("error", () => {}); // 'close' follows
  socket.on("close", () => {
    if (isEnding) return;
    console.error("a stream broke off");
    process.exit(1);
  });
  socket.write(request);
}

function firstChunk(): void {
  if (++opened === streams) {
    tell({ open: opened });
    return;
  }
  if (sockets.size < streams) open();
}

process.stdin.once("data", () => {
  isCounting = true;
  setTimeout(() => {
    isCounting = false;
    const at = (share: number) => histogram.percentile(share) ?? Number.NaN;
    const result: StreamResult = { chunks, p50Us: at(0.5), p99Us: at(0.99), maxUs };
    tell(result);
  }, seconds * 1000);
  // Its end is the end of all.
  process.stdin.once("data", () => {
    isEnding = true;
    for (const socket of sockets) socket.destroy();
    process.stdin.destroy();
  });
});
for (let i = 0; i < Math.min(OPENING_MAX, streams); i++) open();
