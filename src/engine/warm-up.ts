import { shownAnswer } from "../core/warm-up.ts";
import { type Exchange, Payload, type RequestTaker, type WorkerSlots } from "./exchange.ts";
import { FRAME } from "./frames.ts";
import type { EngineLimits } from "./limits.ts";
import type { LogFile } from "./log-file.ts";
import { readWarmUp, type WarmUpBody, WarmUpRefused } from "./warm-up-files.ts";

/** The front of each request (docs/internals/protocols.md, REQUEST): a POST to the service's own path, without fields. */
const HEAD = Buffer.from("POST /\n", "latin1");
const FRONT = Buffer.concat([Buffer.from([HEAD.length & 0xff, HEAD.length >> 8]), HEAD]);

/** Its progress is told at most this often, in ms: each time is a write of the status. */
const TOLD_MS_MIN = 500;

export interface WarmUpEvents {
  /** It is at a request, counted from 1. */
  progress(at: number, of: number): void;
  /** Every request was answered well. */
  done(): void;
  /** Why it is not warm, for people. */
  failed(message: string): void;
}

export interface WarmUpParts {
  /** File or folder. */
  readonly path: string;
  /** Nobody else asks it for anything meanwhile. */
  readonly worker: RequestTaker;
  /** Requests that the worker can take at once. */
  readonly slotCount: number;
  readonly limits: Pick<EngineLimits, "warmUpMs" | "warmUpBytesMax" | "heldBodyBytesMax">;
  readonly log: Pick<LogFile, "line">;
  /** Monotonic ms. */
  readonly now: () => number;
  readonly events: WarmUpEvents;
}

/**
 * Sends the warm-up requests to one worker that has loaded. One request after the other, each in as many copies at once as the worker has
 * slots, so that all of its threads have had their first request. It passes no queue, no limit and no meter. Ends by
 * exactly one of `done` and `failed`, or by `cancel`.
 */
export class WarmUp {
  readonly #parts: WarmUpParts;
  #timer: NodeJS.Timeout | null = null;
  #isOver = false;
  #startedAt = 0;
  #bodies: readonly WarmUpBody[] = [];
  /** Index of the request that it is at. */
  #index = 0;
  /** Copies of it that are not answered. */
  #waiting = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(parts: WarmUpParts) {
    this.#parts = parts;
  }

  /** Where it is, for people. */
  get place(): string {
    const body = this.#bodies[this.#index];
    if (body === undefined) return "the reading of its files";
    const where = body.line === null ? body.file : `line ${body.line} of ${body.file}`;
    return `warm-up request ${this.#index + 1} of ${this.#bodies.length} (${where})`;
  }

  /** Begins. */
  start(): void {
    const { path, limits, now } = this.#parts;
    this.#startedAt = now();
    const late = () => {
      const { place } = this;
      this.#fail(`the warm-up took longer than ${limits.warmUpMs / 1000} s; it was at ${place}`);
    };
    this.#timer = setTimeout(late, limits.warmUpMs);
    readWarmUp(path, limits.warmUpBytesMax).then(
      (bodies) => {
        if (this.#isOver) return;
        this.#bodies = bodies;
        this.#send();
      },
      (error: unknown) => {
        if (error instanceof WarmUpRefused) this.#fail(error.message);
        else this.#fail(`warm_up_data_path: ${String(error)}`);
      },
    );
  }

  /** Nothing more comes of it. */
  cancel(): void {
    this.#isOver = true;
    this.#bodies = [];
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #send(): void {
    const { worker, slotCount, limits, now, events } = this.#parts;
    const { body } = this.#bodies[this.#index]!;
    if (now() - this.#toldAt >= TOLD_MS_MIN) {
      this.#toldAt = now();
      events.progress(this.#index + 1, this.#bodies.length);
    }
    // As callers together could not have more in work, either.
    const copies = Math.max(1, Math.min(slotCount, Math.floor(limits.heldBodyBytesMax / body.length)));
    this.#waiting = copies;
    for (let i = 0; i < copies; i++) worker.send(new WarmUpCopy(body, (failure) => this.#answered(failure)));
  }

  /** `failure`: the status and what came with it; null: it was answered well. */
  #answered(failure: string | null): void {
    if (this.#isOver) return;
    if (failure !== null) {
      this.#fail(`${this.place} was answered ${failure}`);
      return;
    }
    this.#waiting--;
    if (this.#waiting > 0) return;
    this.#index++;
    if (this.#index < this.#bodies.length) {
      this.#send();
      return;
    }
    const count = this.#bodies.length;
    const { log, now, events } = this.#parts;
    log.line(`warm-up: ${count} requests were answered in ${Math.round(now() - this.#startedAt)} ms`);
    this.cancel();
    events.done();
  }

  #fail(message: string): void {
    if (this.#isOver) return;
    this.cancel();
    this.#parts.events.failed(message);
  }
}

/** One copy of one request, on its way to the worker and back. */
class WarmUpCopy implements Exchange {
  queueNext: Exchange | null = null;
  queuePrevious: Exchange | null = null;
  isQueued = false;
  queuedAt = 0;
  /** The warm-up as a whole has one. */
  readonly deadlineMs = Number.POSITIVE_INFINITY;
  worker: WorkerSlots | null = null;
  workerRequestId = 0;
  readonly payload: Payload;
  readonly #onAnswer: (failure: string | null) => void;
  /** Of an answer in parts. */
  #status = 0;
  #begun: Buffer = Buffer.alloc(0);

  constructor(body: Buffer, onAnswer: (failure: string | null) => void) {
    this.payload = new Payload().set(FRAME.REQUEST, FRONT, FRONT.length, body, 0, body.length);
    this.#onAnswer = onAnswer;
  }

  leftQueue(): void {}

  expire(): void {}

  answered(status: number, _head: string, buf: Buffer, from: number, to: number): void {
    this.#onAnswer(status < 300 ? null : answerText(status, buf.subarray(from, to)));
  }

  began(status: number, _head: string, buf: Buffer, from: number, to: number): void {
    this.#status = status;
    this.part(buf, from, to);
  }

  part(buf: Buffer, from: number, to: number): void {
    if (this.#begun.length === 0) this.#begun = Buffer.from(buf.subarray(from, Math.min(to, from + 1000)));
    this.worker?.credit(this, to - from);
  }

  completed(why: string | null): void {
    if (why === null) this.answered(this.#status, "", this.#begun, 0, this.#begun.length);
    else this.#onAnswer(`in parts, and broke off: ${why}`);
  }

  refused(status: number, message: Buffer): void {
    this.#onAnswer(answerText(status, message));
  }

  /** The supervisor says why it died, and that this was where. */
  workerDied(): void {}
}

function answerText(status: number, body: Buffer): string {
  const text = shownAnswer(body);
  return text === "" ? `${status} with nothing in it` : `${status}: ${text}`;
}
