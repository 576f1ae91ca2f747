import { connect, createServer, type Server, Socket } from "node:net";
import { getSystemErrorName } from "node:util";

/**
 * The two places where the gateway uses more of `node:net` than is public, because that costs less for each message (see
 * docs/internals/gateway-performance.md). Other lines of Node may differ, so {@link checkSeams} tries both on a real connection before
 * a worker takes clients; until then, and where it fails, the public API does the same.
 */
const seams = {
  /** The handle of an accepted socket can be moved to a socket that reads into a buffer of ours. */
  isReading: false,
  /** The handle of a plain socket can be written to without its stream. */
  isWriting: false,
};

/** How a socket reads into a buffer of ours: an option of `node:net` that only its `connect` has. */
export interface OnRead {
  /** Asked before the first read, and after each `callback` at once; null: as before. */
  readonly buffer: () => Uint8Array;
  /** Of accepted sockets it is called on the socket, so that one serves them all. */
  readonly callback: (this: Socket, count: number, buf: Uint8Array) => boolean;
}

/** A write that is not finished when it returns. */
export interface PendingWrite {
  /** Called once, when it is over; 0, or a negative error number. It belongs to the write, which keeps nothing else alive. */
  oncomplete: ((status: number) => void) | null;
  /** Whatever the write points into has to be held here, or the collector takes it away underneath. */
  buffer: Uint8Array | null;
}

/** The handle of a plain socket. */
export interface WriteHandle {
  /** 0: the kernel has all of it, and `bytes` is free. Below 0: an error number; nothing was begun. */
  writeBuffer(none: null, bytes: Uint8Array): number | PendingWrite;
}

type HandleOwner = { _handle: object | null };

/** A new socket in place of an accepted one, which may not have been read yet; null when that is not possible. */
export function withOnRead(accepted: Socket, onread: OnRead): Socket | null {
  return seams.isReading ? moved(accepted, onread) : null;
}

function moved(accepted: Socket, onread: OnRead): Socket | null {
  const inner = accepted as unknown as HandleOwner;
  const handle = inner._handle;
  if (!isPlain(accepted) || handle === null || typeof handle !== "object") return null;
  inner._handle = null;
  accepted.destroy();
  return new Socket({ handle, onread } as ConstructorParameters<typeof Socket>[0]);
}

/** Where a connected socket without unfinished writes can be written to; null when only its stream can. */
export function writeHandleOf(socket: Socket): WriteHandle | null {
  return seams.isWriting ? handleOf(socket) : null;
}

/** The error of a write that failed with `status`, as the stream would give it. */
export function writeError(status = -9): Error {
  const code = getSystemErrorName(status);
  return Object.assign(new Error(`write ${code}`), { code, errno: status, syscall: "write" });
}

function handleOf(socket: Socket): WriteHandle | null {
  const handle = (socket as unknown as HandleOwner)._handle as Partial<WriteHandle> | null | undefined;
  if (!isPlain(socket) || typeof handle?.writeBuffer !== "function") return null;
  return handle as WriteHandle;
}

/** A TLS socket is none: its handle is not the connection. */
function isPlain(socket: Socket): boolean {
  return Object.getPrototypeOf(socket) === Socket.prototype;
}

let checked: Promise<string[]> | null = null;

/** Tries both on a connection of this process to itself, once. Gives what is wrong with them, if anything: that is not used then. */
export function checkSeams(): Promise<readonly string[]> {
  checked ??= check();
  return checked;
}

/** For tests and the benchmark: only the public API is used, as it would be if Node changed. Before a worker is started. */
export function usePublicApi(): void {
  checked = Promise.resolve([]);
}

/** Far more than a loopback connection needs on a busy machine. */
const CHECK_MS = 10_000;
/** Written again and again until the connection holds no more, so that the check needs no memory of its own for that. */
const LONG = Buffer.alloc(64 * 1024);
/** So often that no loopback connection holds it: 16 MiB. */
const LONG_WRITES_MAX = 256;
const SHORT = Buffer.from("short", "latin1");

async function check(): Promise<string[]> {
  const server = createServer({ pauseOnConnect: true });
  const sockets: Socket[] = [];
  const timer = Promise.withResolvers<never>();
  const timeout = setTimeout(() => timer.reject(new Error("no end after 10 s")), CHECK_MS);
  const wrong: string[] = [];
  const attempt = async (what: keyof typeof seams, trial: (pair: Pair) => Promise<void>) => {
    try {
      const pair = await Promise.race([connected(server), timer.promise]);
      sockets.push(pair.near, pair.far);
      await Promise.race([trial(pair), timer.promise]);
      seams[what] = true;
    } catch (error) {
      wrong.push(`${what}: ${(error as Error).message}`);
    }
  };
  try {
    await attempt("isReading", async (pair) => {
      pair.far = await tryReading(pair);
      sockets.push(pair.far);
    });
    await attempt("isWriting", tryWriting);
  } finally {
    clearTimeout(timeout);
    for (const socket of sockets) socket.destroy();
    server.close();
  }
  return wrong;
}

interface Pair {
  readonly near: Socket;
  far: Socket;
  readonly got: { readonly bytes: number; readonly last: number };
}

/** Two ends of one connection; `far` was accepted, and not read. What `near` gets is in `got`. */
async function connected(server: Server): Promise<Pair> {
  if (!server.listening) {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
  }
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const { port } = server.address() as { port: number };
  const got = { bytes: 0, last: -1 };
  const callback = (count: number, buf: Uint8Array) => {
    got.bytes += count;
    got.last = buf[count - 1]!;
    return true;
  };
  const onread = { buffer: Buffer.alloc(LONG.length), callback };
  const near = connect({ host: "127.0.0.1", port, noDelay: true, onread });
  await new Promise<void>((resolve, reject) => {
    near.once("error", reject).once("connect", resolve);
  });
  near.on("error", () => {});
  return { near, far: await accepted, got };
}

function expect(isRight: boolean, what: string): asserts isRight {
  if (!isRight) throw new Error(what);
}

/** Two messages arrive in two buffers, one after the other, and the end after them. */
async function tryReading({ near, far }: Pair): Promise<Socket> {
  const buffers = [Buffer.alloc(64), Buffer.alloc(64)];
  const read: Buffer[] = [];
  let next = 0;
  const isOver = Promise.withResolvers<void>();
  const socket: Socket | null = moved(far, {
    buffer: () => buffers[next++ % 2]!,
    callback(count, buf) {
      read.push(buf as Buffer);
      if (this !== socket || next !== read.length) isOver.reject(new Error("not called as it should be"));
      if (count !== SHORT.length || !SHORT.equals(buf.subarray(0, count)))
        isOver.reject(new Error("other bytes"));
      if (read.length === 1) near.end(SHORT);
      return true;
    },
  });
  expect(socket !== null, "no handle");
  socket.once("end", () => isOver.resolve()).once("error", (error) => isOver.reject(error));
  socket.resume();
  near.write(SHORT);
  await isOver.promise;
  expect(read.length === 2 && read[0] === buffers[0] && read[1] === buffers[1], "other buffers");
  return socket;
}

/** A short write is done at once, one that nobody reads is not, the next one waits for it; all arrive; one to a closed socket fails. */
async function tryWriting({ near, far, got }: Pair): Promise<void> {
  const handle = handleOf(far);
  expect(handle !== null, "no handle");
  expect(handle.writeBuffer(null, SHORT) === 0, "a short write is not done at once");
  const finished: Uint8Array[] = [];
  const ended = (write: PendingWrite, bytes: Uint8Array) => {
    write.buffer = bytes;
    return new Promise<number>((resolve) => {
      write.oncomplete = (status) => {
        finished.push(bytes);
        resolve(status);
      };
    });
  };
  let sum = SHORT.length;
  const begin = (bytes: Uint8Array) => {
    sum += bytes.length;
    const write = handle.writeBuffer(null, bytes);
    if (write === 0) return null;
    expect(typeof write === "object" && write !== null && "oncomplete" in write, "a write fails");
    return ended(write, bytes);
  };
  // Nothing is read before this is over.
  let long: Promise<number> | null = null;
  for (let i = 0; long === null && i < LONG_WRITES_MAX; i++) long = begin(LONG);
  expect(long !== null, "a long write is done at once");
  const short = begin(SHORT);
  expect(short !== null, "a write goes before the one that waits");
  expect(far.bytesWritten === sum, "bytes are not counted");
  const arrived = new Promise<void>((resolve) => near.once("end", resolve).once("close", () => resolve()));
  // What was written so goes before the end that the stream is told.
  far.end();
  near.resume();
  const statuses = await Promise.all([long, short]);
  expect(
    statuses.every((status) => status === 0),
    "a write failed",
  );
  expect(finished[0] === LONG && finished[1] === SHORT, "writes do not end in their order");
  await arrived;
  expect(got.bytes === sum && got.last === SHORT.at(-1), "bytes are lost");
  far.destroy();
  const late = handle.writeBuffer(null, SHORT) as unknown;
  expect(typeof late === "number" && late < 0, "a write to a closed socket does not fail");
}
