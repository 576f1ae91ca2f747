import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { InstanceSpec } from "../core/instance-spec.ts";
import {
  BATCH_FRONT_BYTES,
  BATCH_ROW_BYTES,
  encodeFrame,
  FRAME,
  FRAME_HEADER_BYTES,
  FrameReader,
} from "../engine/frames.ts";
import { workerCommand } from "../engine/worker-command.ts";
import { compileCpp } from "./compile-cpp.ts";
import { eventually } from "./engine-instance.ts";

const PROCESSORS = fileURLToPath(new URL("../../processors", import.meta.url));

export interface PeerFrame {
  readonly type: number;
  readonly id: number;
  readonly payload: Buffer;
}

/** What a worker is started with, beside its socket. */
export type PeerSpec = Pick<InstanceSpec, "processor" | "model" | "rpc" | "limits">;

/** A folder with a processor file, removed by `remove`. What ends with `.cpp` is compiled to a library of that name. */
export function appFolder(source: string, name = "app.py"): { readonly dir: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), "sluice-app-"));
  writeFileSync(join(dir, name), source);
  if (name.endsWith(".cpp")) compileCpp(join(dir, name));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** The engine's end of the protocol: starts one real worker process and speaks frames with it. */
export class WorkerPeer {
  readonly #folder: string;
  readonly #server: Server;
  #socket: Socket | null = null;
  readonly frames: PeerFrame[] = [];
  readonly process: ChildProcess;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  output = "";

  private constructor(server: Server, folder: string, spec: PeerSpec) {
    this.#folder = folder;
    this.#server = server;
    server.once("connection", (socket) => {
      this.#socket = socket;
      const reader = new FrameReader({
        frame: (type, id, buf, from, to) =>
          this.frames.push({ type, id, payload: Buffer.from(buf.subarray(from, to)) }),
      });
      socket.on("data", (chunk: Buffer) => reader.push(chunk));
      socket.on("error", () => {});
    });
    const tools = {
      processorsDir: PROCESSORS,
      python: process.env.SLUICE_PYTHON ?? "python3",
      java: process.env.SLUICE_JAVA ?? "java",
      node: process.execPath,
      setpriv: null,
      env: process.env,
    };
    const command = workerCommand(spec as InstanceSpec, tools, join(folder, "s"), 0);
    this.process = spawn(command.file, command.args, {
      env: command.env,
      cwd: command.cwd,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.process.stdout!, this.process.stderr!]) {
      stream.on("data", (chunk: Buffer) => {
        this.output += chunk.toString();
      });
    }
    this.exited = new Promise((resolve) =>
      this.process.once("exit", (code, signal) => resolve({ code, signal })),
    );
  }

  /** A worker that has connected; INIT is not sent yet. */
  static async start(spec: PeerSpec): Promise<WorkerPeer> {
    const folder = mkdtempSync(join(tmpdir(), "sluice-worker-"));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, "s"), resolve));
    const peer = new WorkerPeer(server, folder, spec);
    await eventually("the worker to connect", () => peer.#socket !== null);
    return peer;
  }

  /** Sends INIT and gives the answer to it, READY or FAILED. */
  async init(spec: PeerSpec): Promise<PeerFrame> {
    this.send(encodeFrame(FRAME.INIT, 0, Buffer.from(JSON.stringify({ protocol: 1, ...spec }))));
    return this.take(0);
  }

  send(bytes: Buffer): void {
    this.#socket!.write(bytes);
  }

  request(id: number, body: string | Buffer): Buffer {
    const head = Buffer.from("POST /\nx-test: 1\n");
    const front = Buffer.alloc(2);
    front.writeUInt16LE(head.length);
    return encodeFrame(FRAME.REQUEST, id, Buffer.concat([front, head, Buffer.from(body)]));
  }

  /** The rows as one BATCH, each of them with 5 s left. */
  batch(rows: readonly { readonly id: number; readonly body: string }[]): Buffer {
    const parts = rows.map(({ id, body }) => {
      const request = this.request(id, body).subarray(FRAME_HEADER_BYTES);
      const front = Buffer.alloc(BATCH_ROW_BYTES);
      front.writeUInt32LE(id, 0);
      front.writeUInt32LE(5000, 4);
      front.writeUInt32LE(request.length, 8);
      return Buffer.concat([front, request]);
    });
    const count = Buffer.alloc(BATCH_FRONT_BYTES);
    count.writeUInt16LE(rows.length);
    return encodeFrame(FRAME.BATCH, 0, Buffer.concat([count, ...parts]));
  }

  /** Waits for the frame with this id and takes it away. */
  take(id: number): Promise<PeerFrame> {
    return eventually(`frame ${id}; output: ${this.output}`, () => {
      const at = this.frames.findIndex((frame) => frame.id === id && frame.type !== FRAME.PROGRESS);
      return at === -1 ? undefined : this.frames.splice(at, 1)[0];
    });
  }

  closeSocket(): void {
    this.#socket!.destroy();
  }

  async dispose(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill("SIGKILL");
    await this.exited;
    this.#socket?.destroy();
    this.#server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Status, head and body of a RESPONSE, or status and message of an ERROR. */
export function answerOf(frame: PeerFrame): { status: number; head: string; body: string } {
  const status = frame.payload.readUInt16LE(0);
  if (frame.type === FRAME.ERROR) return { status, head: "", body: frame.payload.toString("utf8", 2) };
  const bodyFrom = 6 + frame.payload.readUInt32LE(2);
  return {
    status,
    head: frame.payload.toString("latin1", 6, bodyFrom),
    body: frame.payload.toString("utf8", bodyFrom),
  };
}
