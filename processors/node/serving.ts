import { answerOf, BadAnswer, isParts, JSON_TYPE } from "./answers.ts";
import { failureText, isOutOfMemory } from "./failures.ts";
import { FRAME } from "./frames.ts";
import type { Link } from "./link.ts";
import { PartedAnswer } from "./parts.ts";
import type { Answer, Describe, Process, ProcessBatch } from "./processor.d.ts";
import { ReceivedRequest } from "./request.ts";

/** What a processor's module has. */
export interface Functions {
  readonly process: Process;
  readonly processBatch: ProcessBatch | null;
  readonly describe: Describe;
}

/** A request whose answer is not sent yet. */
interface Running {
  readonly request: ReceivedRequest;
  readonly parts: PartedAnswer | null;
}

interface Received {
  readonly body: Buffer;
  readonly request: ReceivedRequest;
}

/** One request of a batch. */
interface Row {
  readonly id: number;
  readonly received: Received;
}

function isPromise(value: unknown): value is Promise<unknown> {
  return (
    typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
  );
}

const monotonicMs = () => Number(process.hrtime.bigint()) / 1e6;

/** Answers frames by a processor's functions. As many requests run at once as the engine sends. */
export class Serving {
  readonly #link: Link;
  readonly #functions: Functions;
  readonly #outOfMemory: string;
  readonly #ended: () => void;
  /** Those that were not answered within the call. */
  readonly #running = new Map<number, Running>();
  /** Calls of `processBatch` and `describe` that have not ended. */
  #calls = 0;
  #isStopping = false;

  /** @param ended called after SHUTDOWN, when all is answered */
  constructor(link: Link, functions: Functions, outOfMemory: string, ended: () => void) {
    this.#link = link;
    this.#functions = functions;
    this.#outOfMemory = outOfMemory;
    this.#ended = ended;
  }

  /** Takes a frame; see TakeFrame. */
  take(type: number, id: number, buf: Buffer, from: number, to: number, isKept: boolean): void {
    switch (type) {
      case FRAME.REQUEST:
        this.#answerOne(id, cut(buf, from, to, isKept, null));
        return;
      case FRAME.TIMED_REQUEST: {
        // The engine's clock, which `performance.now()` counts from another beginning.
        const leftMs = buf.readDoubleLE(from) * 1000 - monotonicMs();
        if (leftMs < 0) this.#link.refuse(id, 408, "too late");
        else this.#answerOne(id, cut(buf, from + 8, to, isKept, performance.now() + leftMs));
        return;
      }
      case FRAME.BATCH:
        this.#batch(buf, from, to, isKept);
        return;
      case FRAME.DESCRIBE:
        this.#describe(id);
        return;
      case FRAME.CANCEL: {
        const running = this.#running.get(id);
        running?.request.cancel();
        running?.parts?.wake();
        return;
      }
      case FRAME.CREDIT:
        this.#running.get(id)?.parts?.credit(buf.readUInt32LE(from));
        return;
      case FRAME.SHUTDOWN:
        this.#isStopping = true;
        this.#endWhenDone();
        return;
    }
    throw new Error(`the engine sent a frame of type 0x${type.toString(16)}`);
  }

  #answerOne(id: number, { body, request }: Received): void {
    let result: Answer | Promise<Answer>;
    try {
      result = this.#functions.process(body, request);
      if (!isPromise(result)) {
        this.#send(id, result, request);
        return;
      }
    } catch (error) {
      this.#fail(id, error, request);
      return;
    }
    this.#running.set(id, { request, parts: null });
    result.then(
      (answer) => this.#sendOrFail(id, answer, request),
      (error: unknown) => {
        this.#fail(id, error, request);
        this.#answered(id);
      },
    );
  }

  #sendOrFail(id: number, result: unknown, request: ReceivedRequest): void {
    try {
      if (this.#send(id, result, request) === "in parts") return;
    } catch (error) {
      this.#fail(id, error, request);
    }
    this.#answered(id);
  }

  /** Throws BadAnswer. */
  #send(id: number, result: unknown, request: ReceivedRequest): "whole" | "in parts" {
    const answer = answerOf(result);
    if (!isParts(answer.body)) {
      this.#link.respond(id, answer.status, answer.head, answer.body);
      return "whole";
    }
    const parts = new PartedAnswer(id, this.#link, () => request.isCancelled);
    this.#running.set(id, { request, parts });
    parts.send(answer).then(
      () => this.#endParts(id, parts, request, null),
      (error: unknown) => this.#endParts(id, parts, request, error),
    );
    return "in parts";
  }

  #endParts(id: number, parts: PartedAnswer, request: ReceivedRequest, error: unknown): void {
    if (!parts.hasBegun) {
      this.#fail(id, error, request);
    } else {
      if (error !== null) console.error(error);
      this.#link.tell(FRAME.END, id, error === null ? "" : failureText(error, null));
    }
    this.#answered(id);
  }

  #fail(id: number, error: unknown, request: ReceivedRequest): void {
    if (request.isCancelled) {
      this.#link.refuse(id, 408, "cancelled");
      return;
    }
    const isBad = error instanceof BadAnswer;
    const name = request.headers["x-request-id"];
    if (name !== undefined) console.error(`request ${name}:`);
    console.error(isBad ? error.message : error);
    if (isBad) this.#link.refuse(id, 500, error.message);
    else if (isOutOfMemory(error)) this.#link.refuse(id, 500, this.#outOfMemory);
    else this.#link.refuse(id, 400, failureText(error, null));
  }

  #answered(id: number): void {
    this.#running.delete(id);
    this.#endWhenDone();
  }

  #describe(id: number): void {
    this.#calls++;
    Promise.try(() => this.#functions.describe())
      .then((value) => this.#link.respond(id, 200, JSON_TYPE, Buffer.from(JSON.stringify(value))))
      .catch((error: unknown) => {
        console.error(error);
        this.#link.refuse(id, 500, failureText(error, null));
      })
      .finally(() => this.#callEnded());
  }

  /** Each request of a batch gets an answer of its own. */
  #batch(buf: Buffer, from: number, to: number, isKept: boolean): void {
    const { processBatch } = this.#functions;
    if (processBatch === null) throw new Error("the engine sent a batch that was not asked for");
    const rows: Row[] = [];
    const now = performance.now();
    const count = buf.readUInt16LE(from);
    let at = from + 2;
    for (let i = 0; i < count && at < to; i++) {
      const id = buf.readUInt32LE(at);
      const deadlineMs = now + buf.readUInt32LE(at + 4);
      const end = at + 12 + buf.readUInt32LE(at + 8);
      const received = cut(buf, at + 12, end, isKept, deadlineMs);
      this.#running.set(id, { request: received.request, parts: null });
      rows.push({ id, received });
      at = end;
    }
    this.#calls++;
    const bodies = rows.map(({ received }) => received.body);
    const requests = rows.map(({ received }) => received.request);
    Promise.try(() => processBatch(bodies, requests))
      .then((answers) => this.#answerBatch(rows, answers))
      .catch((error: unknown) => this.#batchFailed(rows, error))
      .finally(() => this.#callEnded());
  }

  /** Throws BadAnswer. */
  #answerBatch(rows: readonly Row[], answers: unknown): void {
    if (!Array.isArray(answers) || answers.length !== rows.length) {
      const found = Array.isArray(answers) ? `${answers.length} answers` : `a ${typeof answers}`;
      throw new BadAnswer(`processBatch returned ${found}; allowed: a list of ${rows.length} answers`);
    }
    for (const [i, { id, received }] of rows.entries()) {
      const answer: unknown = answers[i];
      if (answer instanceof Error) {
        this.#fail(id, answer, received.request);
        this.#answered(id);
      } else {
        this.#sendOrFail(id, answer, received.request);
      }
    }
  }

  /** One of a batch that fails as a whole must not fail the others: each is tried alone. */
  #batchFailed(rows: readonly Row[], error: unknown): void {
    for (const { id, received } of rows) {
      this.#running.delete(id);
      if (error instanceof BadAnswer || rows.length === 1) this.#fail(id, error, received.request);
      else this.#answerOne(id, received);
    }
  }

  #callEnded(): void {
    this.#calls--;
    this.#endWhenDone();
  }

  #endWhenDone(): void {
    if (this.#isStopping && this.#running.size === 0 && this.#calls === 0) this.#ended();
  }
}

/** Body and head of the payload of a REQUEST. */
function cut(buf: Buffer, from: number, to: number, isKept: boolean, deadlineMs: number | null): Received {
  const headTo = from + 2 + buf.readUInt16LE(from);
  const request = new ReceivedRequest(buf.toString("latin1", from + 2, headTo), deadlineMs);
  const body = isKept ? buf.subarray(headTo, to) : Buffer.from(buf.subarray(headTo, to));
  return { body, request };
}
