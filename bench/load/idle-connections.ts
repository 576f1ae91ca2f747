/**
 * Many keep-alive connections that each have had one answer, in a process of its own. Says `{held}` when all are there, and closes them
 * when its standard input says anything.
 */
import { connect, type Socket } from "node:net";
import { loadOptions, tell } from "./talk.ts";

export interface IdleOptions {
  readonly port: number;
  readonly path: string;
  readonly token: string;
  readonly count: number;
}

/** At once while they are made. */
const OPENING_MAX = 50;

const { port, path, token, count } = loadOptions<IdleOptions>();
const body = "[]";
const request = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: ${token}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const sockets: Socket[] = [];
let answered = 0;
let isEnding = false;

function open(): void {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  sockets.push(socket);
  socket.on("error", () => {}); // 'close' follows
  socket.on("close", () => {
    if (isEnding) return;
    console.error(`a connection of ${sockets.length} was closed`);
    process.exit(1);
  });
  socket.once("data", (bytes: Buffer) => {
    if (!bytes.toString("latin1").startsWith("HTTP/1.1 200")) {
      console.error(bytes.toString("latin1"));
      process.exit(1);
    }
    if (++answered === count) tell({ held: answered });
    else if (sockets.length < count) open();
  });
  socket.write(request);
}

process.stdin.once("data", () => {
  isEnding = true;
  for (const socket of sockets) socket.destroy();
  process.stdin.destroy();
});
for (let i = 0; i < Math.min(OPENING_MAX, count); i++) open();
