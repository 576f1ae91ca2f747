/**
 * The upstream of the stream suite, in a process of its own: each connection gets a chunked event stream that never ends, and all
 * of them together so many chunks a second, evenly in turn. A chunk tells when it was written, in ns of the machine's monotonic
 * clock, which all processes share. Says `{port}`.
 */
import { type AddressInfo, createServer, type Socket } from "node:net";
import { loadOptions, tell } from "./talk.ts";

export interface SourceOptions {
  readonly chunksPerS: number;
}

const HEAD =
  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";

const { chunksPerS } = loadOptions<SourceOptions>();
const streams: Socket[] = [];
let at = 0;
let [begunAt, written] = [0, 0];

const server = createServer({ noDelay: true }, (socket) => {
  let text = "";
  socket.on("error", () => {}); // 'close' follows
  socket.on("close", () => {
    const index = streams.indexOf(socket);
    if (index === -1) return;
    streams[index] = streams.at(-1)!;
    streams.pop();
  });
  socket.on("data", (part: Buffer) => {
    text += part.toString("latin1");
    if (!text.endsWith("\r\n\r\n")) return;
    text = "";
    socket.write(HEAD);
    streams.push(socket);
  });
});

/** `data: <16 digits>` and an empty line: 24 bytes, as one chunk. */
function chunk(): string {
  return `18\r\ndata: ${String(process.hrtime.bigint()).padStart(16, "0")}\n\n\r\n`;
}

function turn(): void {
  const now = performance.now();
  if (streams.length === 0) {
    [begunAt, written] = [now, 0];
    return;
  }
  // After a pause, what was missed is not made up for in one burst.
  const due = Math.min(((now - begunAt) * chunksPerS) / 1000, written + chunksPerS / 50);
  if (due === written + chunksPerS / 50) begunAt = now - (due / chunksPerS) * 1000;
  for (; written < due && streams.length > 0; written++) {
    at = (at + 1) % streams.length;
    streams[at]!.write(chunk());
  }
}

setInterval(turn, 1);
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () =>
  tell({ port: (server.address() as AddressInfo).port }),
);
