import type { Socket } from "node:net";
import { BatchSlots } from "./batching/batch-slots.ts";
import { type BatchTaker, type Exchange, Payload, type WorkerSlots } from "./exchange.ts";
import { FrameWriter } from "./frame-writer.ts";
import {
  encodeFrame,
  FRAME,
  FrameReader,
  type FrameSink,
  MORE_PARTS,
  PART_WINDOW_BYTES,
  RESPONSE_FRONT_BYTES,
} from "./frames.ts";
import type { StartTimes } from "./start-times.ts";
import type { WorkMeter } from "./work-meter.ts";
import type { WorkerProcess } from "./worker-process.ts";

const NOTHING = Buffer.alloc(0);
const credit = Buffer.alloc(4);
const CREDIT = new Payload().set(FRAME.CREDIT, credit, 4, NOTHING, 0, 0);
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
  /** It has loaded its processor, serves nothing, and will fork workers when asked. */
  forks(worker: Worker, facts: unknown): void;
  /** It has forked the worker of this place. */
  forked(index: number, pid: number): void;
  /** A worker that it forked has ended. */
  exited(pid: number, code: number | null, signal: string | null): void;
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

/** What all workers of an instance share. */
export interface WorkerParts {
  readonly events: WorkerEvents;
  readonly meter: WorkMeter;
  /** Monotonic ms. */
  readonly now: () => number;
}

/**
 * One worker process and its connection. Each request given to it has a slot until the worker has answered, also when nobody
 * waits for the answer any more: only then is a thread there free again.
 */
export class Worker implements BatchTaker, WorkerSlots, FrameSink {
  readonly index: number;
  readonly process: WorkerProcess;
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
  readonly #meter: WorkMeter;
  readonly #now: () => number;
  #socket: Socket | null = null;
  #writer: FrameWriter | null = null;
  /** Per slot: who waits, and the id in use; id 0 when free. */
  readonly #holders: (Exchange | null)[] = [];
  readonly #ids: number[] = [];
  readonly #free: number[] = [];
  /** Per slot: when the worker was given its request, monotonic ms. */
  readonly #givenAt: number[] = [];
  /** Per slot: -1, or how many bytes more of its answer in parts may come. */
  readonly #windows: number[] = [];
  /** What a deadline of the engine's clock is more in seconds of CLOCK_MONOTONIC; null: it wants no deadlines. */
  #clockAheadMs: number | null = null;
  /** Null where requests are not batched: then each slot is a thread. */
  #batches: BatchSlots | null = null;
  #batchSizeMax = 1;
  #serial = 0;
  #isLoaded = false;

  constructor(index: number, process: WorkerProcess, times: StartTimes, parts: WorkerParts) {
    this.index = index;
    this.process = process;
    this.times = times;
    this.#events = parts.events;
    this.#meter = parts.meter;
    this.#now = parts.now;
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
      this.#windows[slot] = -1;
      this.#givenAt[slot] = 0;
      this.#free.push(slot);
    }
  }

  /** It is told the deadlines of its requests; `clockAheadMs` is what CLOCK_MONOTONIC is ahead of the clock that they are counted in. */
  setDeadlines(clockAheadMs: number): void {
    this.#clockAheadMs = clockAheadMs;
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
    const slot = this.#assign(exchange, this.#now());
    this.#batches?.take([slot]);
    if (this.#clockAheadMs === null) this.#writer!.write(exchange.workerRequestId, exchange.payload);
    else {
      const deadlineS = (exchange.deadlineMs + this.#clockAheadMs) / 1000;
      this.#writer!.write(exchange.workerRequestId, exchange.payload, deadlineS);
    }
    exchange.payload.clear();
  }

  sendBatch(exchanges: readonly Exchange[], now: number): void {
    const [first] = exchanges;
    if (this.#batches === null || first?.payload.type !== FRAME.REQUEST) {
      for (const exchange of exchanges) this.send(exchange);
      this.#writer!.flush();
      return;
    }
    this.#batches.take(exchanges.map((exchange) => this.#assign(exchange, now)));
    this.#meter.batch(exchanges.length);
    const rows = exchanges.map((exchange) => ({
      id: exchange.workerRequestId,
      leftMs: Math.min(LEFT_MS_MAX, Math.max(0, Math.round(exchange.deadlineMs - now))),
      payload: exchange.payload,
    }));
    this.#writer!.writeBatch(rows);
    for (const exchange of exchanges) exchange.payload.clear();
  }

  /** Takes a free slot for it; `now`: monotonic ms. */
  #assign(exchange: Exchange, now: number): number {
    const slot = this.#free.pop()!;
    this.takenCount++;
    this.#serial = (this.#serial + 1) & 0xfffff;
    const id = ((this.#serial << SLOT_BITS) | slot) >>> 0 || 1 << SLOT_BITS;
    this.#ids[slot] = id;
    this.#givenAt[slot] = now;
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

  credit(exchange: Exchange, bytes: number): void {
    const slot = exchange.workerRequestId & SLOT_MASK;
    if (this.#holders[slot] !== exchange || this.#windows[slot] === -1) return;
    this.#windows[slot]! += bytes;
    credit.writeUInt32LE(bytes);
    this.#writer!.write(exchange.workerRequestId, CREDIT);
  }

  /** Asks it, which has loaded, to fork the worker of a place, which is to connect to `socketPath`. */
  fork(index: number, socketPath: string): void {
    this.#socket?.write(encodeFrame(FRAME.FORK, index, Buffer.from(socketPath)));
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
      case FRAME.PART:
      case FRAME.END:
        this.#continue(type, id, buf, from, to);
        return;
      case FRAME.READY:
        if (this.#isLoaded) break;
        this.#isLoaded = true;
        this.#events.loaded(this, parseFacts(buf, from, to));
        return;
      case FRAME.LOADED:
        if (this.#isLoaded) break;
        this.#isLoaded = true;
        this.#events.forks(this, parseFacts(buf, from, to));
        return;
      case FRAME.FORKED: {
        const { pid } = parseFacts(buf, from, to);
        if (typeof pid === "number") this.#events.forked(id, pid);
        return;
      }
      case FRAME.EXITED: {
        const { pid, code, signal } = parseFacts(buf, from, to);
        const codeOrNull = typeof code === "number" ? code : null;
        const signalOrNull = typeof signal === "string" ? signal : null;
        if (typeof pid === "number") this.#events.exited(pid, codeOrNull, signalOrNull);
        return;
      }
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
    const given = to - from < least ? 0 : buf.readUInt16LE(from);
    const isBeginning = given >= MORE_PARTS && type === FRAME.RESPONSE;
    const status = isBeginning ? given - MORE_PARTS : given;
    if (this.#ids[slot] !== id || id === 0 || this.#windows[slot] !== -1 || status < 200 || status > 599) {
      this.#disconnected(`it answered request ${id}, which it does not have, or with status ${status}`);
      return;
    }
    // Before it was ready, it was asked by the warm-up, which no metric counts.
    if (this.wasReady) this.#meter.computed(this.#now() - this.#givenAt[slot]!);
    if (isBeginning) {
      this.#begin(slot, status, buf, from, to);
      return;
    }
    const holder = this.#holders[slot]!;
    this.#release(slot);
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

  /** An answer in parts: the slot is taken until its END. */
  #begin(slot: number, status: number, buf: Buffer, from: number, to: number): void {
    const headFrom = from + RESPONSE_FRONT_BYTES;
    const headTo = Math.min(to, headFrom + buf.readUInt32LE(from + 2));
    this.#windows[slot] = PART_WINDOW_BYTES;
    if (!this.#isWithinWindow(slot, to - headTo)) return;
    this.#holders[slot]?.began(status, buf.toString("latin1", headFrom, headTo), buf, headTo, to);
  }

  #continue(type: number, id: number, buf: Buffer, from: number, to: number): void {
    const slot = id & SLOT_MASK;
    if (this.#ids[slot] !== id || id === 0 || this.#windows[slot] === -1) {
      this.#disconnected(`it went on with an answer to request ${id}, which it has not begun`);
      return;
    }
    const holder = this.#holders[slot]!;
    if (type === FRAME.PART) {
      if (this.#isWithinWindow(slot, to - from)) holder?.part(buf, from, to);
      return;
    }
    this.#release(slot);
    if (holder !== null) {
      holder.worker = null;
      holder.completed(to === from ? null : buf.toString("utf8", from, Math.min(to, from + 2000)));
    }
    this.#events.freed(this);
  }

  /** Counts them; a worker that sends more than it may is a broken peer. */
  #isWithinWindow(slot: number, bytes: number): boolean {
    this.#windows[slot]! -= bytes;
    if (this.#windows[slot]! >= 0) return true;
    this.#disconnected("it sent more of an answer than it may before the client has taken it");
    return false;
  }

  /** The request of this slot has its answer. */
  #release(slot: number): void {
    this.#holders[slot] = null;
    this.#ids[slot] = 0;
    this.#windows[slot] = -1;
    this.#free.push(slot);
    this.#batches?.answered(slot);
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
