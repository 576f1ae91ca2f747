/** One time that a request was sent. Times are of CLOCK_MONOTONIC in ms, which all processes of a machine share. */
export interface Attempt {
  /** When the client turned to a connection for it. */
  readonly startedAtMs: number;
  /** When that connection was made; null: it never was. */
  readonly connectedAtMs: number | null;
  /** When the request was written; null: it never was. */
  readonly sentAtMs: number | null;
  /** The client's end of the connection; 0: there was none. */
  readonly localPort: number;
  /** The connection had served a request before. */
  readonly isReused: boolean;
  readonly endedAtMs: number;
  /** 0: no answer. */
  readonly status: number;
  /** `X-Sluice-Reason`, or the socket's error code; empty when all is well. */
  readonly reason: string;
  /** Bytes of the answer's body. */
  readonly bytes: number;
  /** The whole answer came, with all its chunks. */
  readonly isWhole: boolean;
}

/** Everything that the client knows of one request. */
export interface Entry {
  readonly number: number;
  /** Which of the load's routes it went by. */
  readonly route: string;
  readonly kind: "plain" | "stream";
  /** When it was due by the clock; its latency counts from then. */
  readonly dueAtMs: number;
  /** One; or two, when the first went on a kept connection that broke without a byte of an answer. */
  readonly attempts: readonly Attempt[];
  /** The service that answered; empty when none did. */
  readonly service: string;
  /** Its version; 0 when nobody said. */
  readonly version: number;
  /** Of a stream: pieces that came in order, and those that there are. */
  readonly chunks: number;
  readonly chunksWanted: number;
}

/** The client got what it asked for in this attempt. */
export const isGood = (attempt: Attempt): boolean => attempt.status === 200 && attempt.isWhole;

/** Now, on the clock of {@link Attempt}. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;
