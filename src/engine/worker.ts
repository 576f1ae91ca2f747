import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import { BatchSlots } from "./batching/batch-slots.ts";
import { type BatchTaker, type Exchange, Payload, type WorkerSlots } from "./exchange.ts";
import { FrameWriter } from "./frame-writer.ts";
import { encodeFrame, FRAME, FrameReader, type FrameSink, RESPONSE_FRONT_BYTES } from "./frames.ts";
import type { StartTimes } from "./start-times.ts";

const NOTHING = Buffer.alloc(0);
const CANCEL = new Payload().set(FRAME.CANCEL, NOTHING, 0, NOTHING, 0, 0);
const SHUTDOWN = new Payload().set(FRAME.SHUTDOWN, NOTHING, 0, NOTHING, 0, 0);
/** Low bits of a request id: the slot. The rest counts, so that an answer to an older request of a slot is not taken for this one's. */
const SLOT_BITS = 12;
const SLOT_MASK = (1 << SLOT_BITS) - 1;
const SLOTS_MAX = 1 << SLOT_BITS;
/** Largest u32. */
const LEFT_MS_MAX = 0xffffffff;

/** What a worker tells its supervisor. */
export interface WorkerEvents {
  /** It has loaded its processor, and may be asked; it counts as ready when {@link Worker.open} is called. */
  loaded(worker: Worker, facts: unknown): void;
  progress(worker: Worker, text: string): void;
  /** It could not load: `failure` says why. It ends by itself. */
  failed(worker: Worker): void;
  /** The connection ended or broke; the process is dead or must be ended. */
  disconnected(worker: Worker, why: string): void;
  /** A slot became free. */
  freed(worker: Worker): void;
  /** All of its slots are taken by requests that nobody waits for. */
  stuck(worker: Worker): void;
}

/**
 * One worker process and its connection. Each request given to it has a slot until the worker has answered, also when nobody
 * waits for the answer any more: only then is a thread there free again.
 */
export class Worker implements BatchTaker, WorkerSlots, FrameSink {
  readonly index: number;
  readonly process: ChildProcess;
  readonly times: StartTimes;
  /** Requests that it was given. */
  takenCount = 0;
  /** It takes requests of callers. */
  isReady = false;
  /** It has been ready once: its death is not a failed start. */
  wasReady = false;
  /** Why it could not load, in its own words. */
  failure: string | null = null;
  readonly #events: WorkerEvents;
  #socket: Socket | null = null;
  #writer: FrameWriter | null = null;
  /** Per slot: who waits, and the id in use; id 0 when free. */
  readonly #holders: (Exchange | null)[] = [];
  readonly #ids: number[] = [];
  readonly #free: number[] = [];
  /** Null where requests are not batched: then each slot is a thread. */
  #batches: BatchSlots | null = null;
  #batchSizeMax = 1;
  #serial = 0;
  #isLoaded = false;

  constructor(index: number, process: ChildProcess, times: StartTimes, events: WorkerEvents) {
    this.index = index;
    this.process = process;
    this.times = times;
    this.#events = events;
  }

  get isConnected(): boolean {
    return this.#socket !== null;
  }

  get freeCount(): number {
    if (!this.isReady) return 0;
    return this.#batches === null ? this.#free.length : this.#batches.freeCount;
  }

  get batchSizeMax(): number {
    return this.#batchSizeMax;
  }

  get busyBatchCount(): number {
    return this.#batches === null ? this.busyCount : this.#batches.busyCount;
  }

  get busyCount(): number {
    return this.#ids.length - this.#free.length;
  }

  /** The worker has connected: tells it what to load. */
  connect(socket: Socket, init: object): void {
    this.#socket = socket;
    this.#writer = new FrameWriter(socket);
    const reader = new FrameReader(this);
    socket.on("data", (chunk: Buffer) => {
      if (!reader.push(chunk)) this.#disconnected("it sent what is not a frame");
    });
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => this.#disconnected("it closed its connection"));
    socket.write(encodeFrame(FRAME.INIT, 0, Buffer.from(JSON.stringify(init))));
  }

  /** Sets how many requests it may have at once; before the first request. */
  setSlots(count: number): void {
    for (let slot = count - 1; slot >= 0; slot--) {
      this.#holders[slot] = null;
      this.#ids[slot] = 0;
      this.#free.push(slot);
    }
  }

  /** As `setSlots`, for a processor that takes batches: `count` of them at once if there are slots, of `sizeMax` requests at most. Returns how many. */
  setBatches(count: number, sizeMax: number): number {
    const batches = Math.max(1, Math.min(count, Math.floor(SLOTS_MAX / sizeMax)));
    this.setSlots(batches * sizeMax);
    this.#batches = new BatchSlots(batches);
    this.#batchSizeMax = sizeMax;
    return batches;
  }

  /** Gives it a request; there must be a free slot. */
  send(exchange: Exchange): void {
    const slot = this.#assign(exchange);
    this.#batches?.take([slot]);
    this.#writer!.write(exchange.workerRequestId, exchange.payload);
    exchange.payload.clear();
  }

  sendBatch(exchanges: readonly Exchange[], now: number): void {
    const [first] = exchanges;
    if (this.#batches === null || first?.payload.type !== FRAME.REQUEST) {
      for (const exchange of exchanges) this.send(exchange);
      this.#writer!.flush();
      return;
    }
    this.#batches.take(exchanges.map((exchange) => this.#assign(exchange)));
    const rows = exchanges.map((exchange) => ({
      id: exchange.workerRequestId,
      leftMs: Math.min(LEFT_MS_MAX, Math.max(0, Math.round(exchange.deadlineMs - now))),
      payload: exchange.payload,
    }));
    this.#writer!.writeBatch(rows);
    for (const exchange of exchanges) exchange.payload.clear();
  }

  /** Takes a free slot for it. */
  #assign(exchange: Exchange): number {
    const slot = this.#free.pop()!;
    this.takenCount++;
    this.#serial = (this.#serial + 1) & 0xfffff;
    const id = ((this.#serial << SLOT_BITS) | slot) >>> 0 || 1 << SLOT_BITS;
    this.#ids[slot] = id;
    this.#holders[slot] = exchange;
    exchange.worker = this;
    exchange.workerRequestId = id;
    return slot;
  }

  /** From here on it is ready. */
  open(): void {
    this.isReady = true;
    this.wasReady = true;
  }

  cancel(exchange: Exchange): void {
    const slot = exchange.workerRequestId & SLOT_MASK;
    if (this.#holders[slot] !== exchange) return;
    this.#holders[slot] = null;
    exchange.worker = null;
    this.#writer!.write(exchange.workerRequestId, CANCEL);
    if (this.freeCount === 0 && this.#holders.every((holder) => holder === null)) this.#events.stuck(this);
  }

  /** Asks it to end after what it has. */
  shutdown(): void {
    this.isReady = false;
    this.#writer?.write(0, SHUTDOWN);
    this.#writer?.flush();
  }

  kill(): void {
    this.isReady = false;
    this.process.kill("SIGKILL");
    this.#socket?.destroy();
  }

  /** Takes all requests that it has from it; call when it is dead. */
  abandon(): Exchange[] {
    this.isReady = false;
    const left = this.#holders.filter((holder) => holder !== null);
    this.#holders.fill(null);
    return left;
  }

  frame(type: number, id: number, buf: Buffer, from: number, to: number): void {
    switch (type) {
      case FRAME.RESPONSE:
      case FRAME.ERROR:
        this.#answer(type, id, buf, from, to);
        return;
      case FRAME.READY:
        if (this.#isLoaded) break;
        this.#isLoaded = true;
        this.#events.loaded(this, parseFacts(buf, from, to));
        return;
      case FRAME.PROGRESS:
        this.#events.progress(this, buf.toString("utf8", from, Math.min(to, from + 2000)));
        return;
      case FRAME.FAILED: {
        const { message } = parseFacts(buf, from, to);
        this.failure = typeof message === "string" ? message : "the processor could not be loaded";
        this.#events.failed(this);
        return;
      }
    }
    this.#disconnected(`it sent a frame of type ${type} that has no place here`);
  }

  #answer(type: number, id: number, buf: Buffer, from: number, to: number): void {
    const slot = id & SLOT_MASK;
    const least = type === FRAME.RESPONSE ? RESPONSE_FRONT_BYTES : 2;
    const status = to - from < least ? 0 : buf.readUInt16LE(from);
    if (this.#ids[slot] !== id || id === 0 || status < 200 || status > 599) {
      this.#disconnected(`it answered request ${id}, which it does not have, or with status ${status}`);
      return;
    }
    const holder = this.#holders[slot]!;
    this.#holders[slot] = null;
    this.#ids[slot] = 0;
    this.#free.push(slot);
    this.#batches?.answered(slot);
    if (holder !== null) {
      holder.worker = null;
      if (type === FRAME.ERROR) {
        holder.refused(status, buf.subarray(from + 2, to));
      } else {
        const headFrom = from + RESPONSE_FRONT_BYTES;
        const headTo = Math.min(to, headFrom + buf.readUInt32LE(from + 2));
        holder.answered(
          status,
          headTo === headFrom ? "" : buf.toString("latin1", headFrom, headTo),
          buf,
          headTo,
          to,
        );
      }
    }
    this.#events.freed(this);
  }

  #disconnected(why: string): void {
    if (this.#socket === null) return;
    const socket = this.#socket;
    this.#socket = null;
    this.isReady = false;
    socket.destroy();
    this.#events.disconnected(this, why);
  }
}

function parseFacts(buf: Buffer, from: number, to: number): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(buf.toString("utf8", from, to));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
