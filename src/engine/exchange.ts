/** One request as the dispatcher and a worker see it: something that gets exactly one of the answers below, or is withdrawn. */
export interface Exchange {
  /** Place in the queue, kept by the dispatcher. */
  queueNext: Exchange | null;
  queuePrevious: Exchange | null;
  isQueued: boolean;
  /** The worker that has it and the id it has there; null while it waits. */
  worker: WorkerSlots | null;
  workerRequestId: number;
  /** Frame type, and payload in two parts; kept only while it waits. */
  frameType: number;
  front: Buffer;
  body: Buffer;

  /** The processor's answer; `head` is `name: value` lines, `buf[from..to)` the body, valid only during the call. */
  answered(status: number, head: string, buf: Buffer, from: number, to: number): void;
  /** The processor refused this request; `message` is for the client. */
  refused(status: number, message: Buffer): void;
  /** The worker died while it had the request. */
  workerDied(): void;
}

/** Takes back what a worker was asked for. */
export interface WorkerSlots {
  cancel(exchange: Exchange): void;
}
