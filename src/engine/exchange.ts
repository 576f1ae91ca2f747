const NOTHING = Buffer.alloc(0);

/** The frame that a request becomes: `front[0..frontBytes)`, then `body[from..to)`. One object serves one request after the other. */
export class Payload {
  type = 0;
  front: Buffer = NOTHING;
  frontBytes = 0;
  body: Buffer = NOTHING;
  from = 0;
  to = 0;
  /** Front and body belong to the request; else they lie in buffers that are soon used for others. */
  isOwned = false;

  set(type: number, front: Buffer, frontBytes: number, body: Buffer, from: number, to: number): this {
    this.type = type;
    this.front = front;
    this.frontBytes = frontBytes;
    this.body = body;
    this.from = from;
    this.to = to;
    this.isOwned = false;
    return this;
  }

  /** Copies what is not its own, to wait. A part of a read buffer would keep all 64 KiB of it alive, and the front's is shared. */
  own(): void {
    if (this.isOwned) return;
    this.front = Buffer.from(this.front.subarray(0, this.frontBytes));
    this.body = Buffer.from(this.body.subarray(this.from, this.to));
    this.to -= this.from;
    this.from = 0;
    this.isOwned = true;
  }

  clear(): void {
    this.set(0, NOTHING, 0, NOTHING, 0, 0);
  }
}

/** One request as the dispatcher and a worker see it: something that gets exactly one of the answers below, or is withdrawn. */
export interface Exchange {
  /** Place in the queue, kept by the dispatcher. */
  queueNext: Exchange | null;
  queuePrevious: Exchange | null;
  isQueued: boolean;
  /** When it came into a queue that makes batches, monotonic ms. */
  queuedAt: number;
  /** Until when it has to be answered, monotonic ms. */
  readonly deadlineMs: number;
  /** The worker that has it and the id it has there; null while it waits. */
  worker: WorkerSlots | null;
  workerRequestId: number;
  /** What it asks of the worker. */
  readonly payload: Payload;

  /** Its deadline is over. */
  expire(): void;
  /** It waited in the queue, and that is over. */
  leftQueue(): void;
  /** The processor's answer; `head` is `name: value` lines, `buf[from..to)` the body, valid only during the call. */
  answered(status: number, head: string, buf: Buffer, from: number, to: number): void;
  /** As `answered`, but this is the beginning: `part` and then `completed` follow. It is with its worker until then. */
  began(status: number, head: string, buf: Buffer, from: number, to: number): void;
  /** More of the body. */
  part(buf: Buffer, from: number, to: number): void;
  /** There is no more of it; `why` says what broke it off, null: it is complete. */
  completed(why: string | null): void;
  /** The processor refused this request; `message` is for the client. */
  refused(status: number, message: Buffer): void;
  /** The worker died while it had the request. */
  workerDied(): void;
}

/** A worker as the queue sees it. */
export interface RequestTaker {
  /** Requests that it could take now. */
  readonly freeCount: number;
  /** Requests that it has; those that nobody waits for any more count too. */
  readonly busyCount: number;
  /** Gives it a request; there must be a free place. */
  send(exchange: Exchange): void;
}

/** The worker as a request that it has sees it. */
export interface WorkerSlots {
  /** Takes back what it was asked for. */
  cancel(exchange: Exchange): void;
  /** So many bytes of its answer in parts have been taken by the client: it may send as many more. */
  credit(exchange: Exchange, bytes: number): void;
}

/** A worker as a queue sees it that makes batches. */
export interface BatchTaker extends RequestTaker {
  /** Most requests in one batch; 1 when its processor has no batch form. `freeCount` counts batches. */
  readonly batchSizeMax: number;
  /** Batches that it is at. */
  readonly busyBatchCount: number;
  /** Gives it requests to be worked on together, `now` being the monotonic time in ms; there must be a free place. */
  sendBatch(exchanges: readonly Exchange[], now: number): void;
}

/** The bounded queue in front of all workers of an instance. */
export interface RequestQueue {
  /** Requests that may wait (`metadata.rpc.max_queue_size`). */
  queueSizeMax: number;
  readonly queuedCount: number;
  /** Requests that some worker has; those that nobody waits for any more count too. */
  readonly busyCount: number;
  add(worker: BatchTaker): void;
  remove(worker: BatchTaker): void;
  /** Gives a request to a worker, or lets it wait. False when the queue is full. */
  submit(exchange: Exchange): boolean;
  /** Nobody waits for this request any more. */
  withdraw(exchange: Exchange): void;
  /** A place became free: gives waiting requests to it. */
  pump(): void;
}
