import { connect, type Socket } from "node:net";

/** A gateway's report of a thousand services is below 1 MiB; a longer line is a broken peer. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;
/** Tables that a stuck gateway has not taken; beyond this the link is given up. */
const BACKLOG_BYTES_MAX = 64 * 1024 * 1024;
const CONNECT_MS_MAX = 2000;
const NEWLINE = 0x0a;

/** Both ways one JSON value a line, over a unix socket (docs/internals/protocols.md). */
export interface LineLink {
  send(value: unknown): void;
  close(): void;
}

/**
 * Connects to `path`. Rejects when nobody listens there. `onClose` comes exactly once, whoever closes and why; no
 * message comes after it. A peer that sends what is not JSON, or too long a line, is closed.
 */
export async function connectLines(
  path: string,
  onMessage: (value: unknown) => void,
  onClose: () => void,
): Promise<LineLink> {
  const socket = connect(path);
  await connected(socket);
  const held: Buffer[] = [];
  let heldBytes = 0;
  socket.on("data", (bytes: Buffer) => {
    let start = 0;
    for (
      let end = bytes.indexOf(NEWLINE);
      end !== -1 && !socket.destroyed;
      end = bytes.indexOf(NEWLINE, start)
    ) {
      const line = Buffer.concat([...held.splice(0), bytes.subarray(start, end)]);
      heldBytes = 0;
      start = end + 1;
      const message = parse(line);
      if (message === undefined) socket.destroy();
      else onMessage(message.value);
    }
    heldBytes += bytes.length - start;
    if (heldBytes > LINE_BYTES_MAX) socket.destroy();
    else if (start < bytes.length) held.push(Buffer.from(bytes.subarray(start)));
  });
  // An error is always followed by "close"; why the link broke helps nobody, it is made anew.
  socket.on("error", () => {});
  socket.on("end", () => socket.destroy());
  socket.once("close", onClose);
  return {
    send: (value) => {
      if (socket.destroyed) return;
      socket.write(`${JSON.stringify(value)}\n`);
      if (socket.writableLength > BACKLOG_BYTES_MAX) socket.destroy();
    },
    close: () => socket.destroy(),
  };
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(new Error("connecting took too long")), CONNECT_MS_MAX);
    const done = (error?: Error) => {
      clearTimeout(timer);
      socket.off("error", done);
      if (error === undefined) resolve();
      else reject(error);
    };
    socket.once("error", done);
    socket.once("connect", () => done());
  });
}

function parse(line: Buffer): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(line.toString("utf8")) };
  } catch {
    return undefined;
  }
}
