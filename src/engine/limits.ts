import type { LimitSpec } from "../core/instance-spec.ts";

/** Limits of one engine. Each can be set by a test; the product runs with these values. */
export interface EngineLimits {
  /**
   * Longest request body in bytes; more is 413. A frame to a worker is at most 256 MiB, head included; 64 KiB are
   * kept for the head.
   */
  readonly bodyBytesMax: number;
  /**
   * Bytes of bodies that are being received, wait, or are worked on, of all requests together; one that would pass it is 450. Two of the
   * longest bodies: with `max_queue_size` alone, 64 waiting bodies of 256 MiB would be 16 GiB.
   */
  readonly heldBodyBytesMax: number;
  /** Connections open at once, of both listeners; one more is closed. A gateway needs at most one per request in flight. */
  readonly connectionsMax: number;
  /** Bytes of pipelined requests kept while one is worked on; then reading stops until it is answered. */
  readonly pipelinedBytesMax: number;
  /**
   * A connection without a request is closed after this many ms. Longer than gateways keep theirs, so that it is them who close
   * and no request runs into a closing connection.
   */
  readonly idleConnectionMs: number;
  /** After an answer that ends a connection early, the peer's bytes are read and dropped for so long: closing at once would reset it. */
  readonly lingerMs: number;
  /** Worker deaths within `workerDeathWindowMs` that are answered by another start; one more fails the instance. */
  readonly workerDeathsMax: number;
  readonly workerDeathWindowMs: number;
  /**
   * A ready instance whose worker died stays in traffic for so long, in ms, while the next one loads: requests wait in the queue. Beyond
   * it is `loading` again and others take its traffic. A Python worker without a model is back in 0.2 s.
   */
  readonly restartGraceMs: number;
  /**
   * When nobody waits any more for any request that a worker has, and it has answered none for so long, in ms, it is taken to hang: it is ended,
   * which counts as a death. Without this, a deadlock in a processor would be 408 for ever.
   */
  readonly workerHungMs: number;
  /** How long a worker may take to end after SHUTDOWN before it is killed, in ms. */
  readonly workerStopMs: number;
  /**
   * Longest warm-up of one worker, in ms, all requests together; then the instance fails. Compiling a large graph on its first request
   * takes some minutes; what takes longer hangs.
   */
  readonly warmUpMs: number;
  /** How often the memory of the workers is looked at, in ms: a growth is told after 32 looks with requests in between, so after 160 s. */
  readonly memoryLookMs: number;
  /** What its workers have done is written into work.json this often, in ms. */
  readonly workTellMs: number;
  /** Largest sum of the files of a warm-up. As much as one request may have, so that any request can be one of it. */
  readonly warmUpBytesMax: number;
  /** While draining, no request for so long means that none will come, in ms. */
  readonly drainQuietMs: number;
  /**
   * Clients that call the instance themselves learn from time to time that it is going: SDKs ask every 3 s, and are told to ask at least every 10.
   * Where one has called in the last `directRecentMs`, a draining instance takes their requests until none has begun for `directQuietMs`,
   * but no longer than `directLingerMsMax`; in ms.
   */
  readonly directRecentMs: number;
  readonly directQuietMs: number;
  readonly directLingerMsMax: number;
  /** Size of one log file and how many are kept, the current one included: 32 MiB per instance. */
  readonly logFileBytesMax: number;
  readonly logFilesMax: number;
  /** A log line longer than this is cut, with a mark. */
  readonly logLineBytesMax: number;
}

/** A frame to a worker has 256 MiB at most; 64 KiB of it are for the head. */
const BODY_BYTES_MAX = 256 * 1024 * 1024 - 64 * 1024;

export const ENGINE_LIMITS: EngineLimits = {
  bodyBytesMax: BODY_BYTES_MAX,
  heldBodyBytesMax: 512 * 1024 * 1024,
  connectionsMax: 4096,
  pipelinedBytesMax: 64 * 1024,
  idleConnectionMs: 300_000,
  lingerMs: 2_000,
  workerDeathsMax: 5,
  workerDeathWindowMs: 60_000,
  restartGraceMs: 1_000,
  workerHungMs: 60_000,
  workerStopMs: 5_000,
  warmUpMs: 600_000,
  memoryLookMs: 5_000,
  workTellMs: 5_000,
  warmUpBytesMax: BODY_BYTES_MAX,
  drainQuietMs: 200,
  directRecentMs: 60_000,
  directQuietMs: 4_000,
  directLingerMsMax: 15_000,
  logFileBytesMax: 8 * 1024 * 1024,
  logFilesMax: 4,
  logLineBytesMax: 16 * 1024,
};

/** Part of `metadata.memory` that bodies may take where a control group counts them, too: the processor has each of them once more. */
const BODIES_SHARE = 1 / 4;

/** The limits of an engine in whose control group bodies are part of the instance's memory: a full queue must not end the instance. */
export function withinMemory(limits: EngineLimits, { memoryMb, isMemoryHeld }: LimitSpec): EngineLimits {
  if (isMemoryHeld !== true) return limits;
  const heldBodyBytesMax = Math.min(limits.heldBodyBytesMax, memoryMb * 1024 * 1024 * BODIES_SHARE);
  const bodyBytesMax = Math.min(limits.bodyBytesMax, heldBodyBytesMax);
  const warmUpBytesMax = Math.min(limits.warmUpBytesMax, heldBodyBytesMax);
  return { ...limits, heldBodyBytesMax, bodyBytesMax, warmUpBytesMax };
}
