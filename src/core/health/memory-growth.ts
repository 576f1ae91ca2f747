/**
 * Whether the memory of a processor grows with its requests, told from looks at it. Memory of a healthy one goes up and down, and up for good
 * only at first (caches, arenas of the allocator, pages touched for the first time). So it is said to grow only when the *least* memory of each
 * eighth of the looks is above that of the eighth before, when the later half has grown about as much as the earlier one, and
 * when the whole is no trifle.
 */

/** One look. */
export interface MemorySample {
  /** Monotonic, ms. */
  readonly atMs: number;
  /** Requests that its workers have been given so far. */
  readonly requests: number;
  /** Resident memory of its workers. */
  readonly bytes: number;
}

export interface MemoryGrowth {
  /** Bytes that 1,000 requests leave behind. */
  readonly bytesPerThousand: number;
  /** When the limit is reached if it goes on so, from the last look, in ms; null: it is reached already. */
  readonly fullInMs: number | null;
  /** That of the instance's memory. */
  readonly limitBytes: number;
  /** All of it is said of one of several workers, each of which has the limit for itself; of those that grow, the one that reaches it first. */
  readonly isOfOneWorker?: true;
}

/** Looks are cut into so many blocks, each with enough of them for a low that is no accident. */
const BLOCKS = 8;
const SAMPLES_EACH_MIN = 4;
/** Looks that are kept; with more, every second one is dropped and from then on every second one taken. */
const SAMPLES_MAX = 256;
/** Of so many looks one is taken at most: with a look every 5 s, 256 of them reach back 22 hours. */
const STRIDE_MAX = 64;
/** Growth below is not told: the larger of 16 MiB and a twentieth of the memory that it began with. */
const GROWTH_BYTES_MIN = 16 * 1024 * 1024;
const GROWTH_SHARE_MIN = 1 / 20;
const REQUESTS_MIN = 100;
/** Part of the growth that the later half must have: half of it when it is steady, far less when something fills up. */
const LATER_SHARE_MIN = 0.35;

/** The trend of one run of the workers. When a worker is started anew, another trend begins. */
export class MemoryTrend {
  readonly #limitBytes: number;
  #samples: MemorySample[] = [];
  #stride = 1;
  #skipped = 0;
  #growth: MemoryGrowth | null = null;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Takes a look into account, unless there was no request since the one before. What is so then; null: it does not grow, or that cannot be told yet. */
  add(sample: MemorySample): MemoryGrowth | null {
    const last = this.#samples.at(-1);
    if (last !== undefined && sample.requests <= last.requests) return this.#growth;
    this.#skipped += 1;
    if (this.#skipped < this.#stride) return this.#growth;
    this.#skipped = 0;
    this.#samples.push(sample);
    if (this.#samples.length > SAMPLES_MAX) this.#thin();
    this.#growth = growthOf(this.#samples, this.#limitBytes, this.#growth !== null);
    return this.#growth;
  }

  #thin(): void {
    if (this.#stride === STRIDE_MAX) {
      this.#samples.shift();
      return;
    }
    this.#samples = this.#samples.filter((_, i) => i % 2 === 0);
    this.#stride *= 2;
  }
}

/** Of those that grow the one that is above its limit, or reaches it first; null: none grows. */
export function nearestToLimit(growths: readonly (MemoryGrowth | null)[]): MemoryGrowth | null {
  const inMs = ({ fullInMs }: MemoryGrowth) => fullInMs ?? Number.NEGATIVE_INFINITY;
  let nearest: MemoryGrowth | null = null;
  for (const growth of growths)
    if (growth !== null && (nearest === null || inMs(growth) < inMs(nearest))) nearest = growth;
  return nearest;
}

/**
 * @param samples oldest first, with more requests in each
 * @param isTold it was said to grow before: then it is until its last quarter no longer does, so that the word does not come and go
 */
export function growthOf(
  samples: readonly MemorySample[],
  limitBytes: number,
  isTold: boolean,
): MemoryGrowth | null {
  if (samples.length < BLOCKS * SAMPLES_EACH_MIN) return null;
  const lows = Array.from({ length: BLOCKS }, (_, i) => {
    const [from, to] = [i, i + 1].map((n) => Math.floor((n * samples.length) / BLOCKS));
    return samples.slice(from, to).reduce((low, sample) => (sample.bytes < low.bytes ? sample : low));
  });
  const [first, middle, last] = [lows[0]!, lows[BLOCKS / 2 - 1]!, lows[BLOCKS - 1]!];
  const grown = last.bytes - first.bytes;
  const isClear =
    last.requests - first.requests >= REQUESTS_MIN &&
    grown >= Math.max(GROWTH_BYTES_MIN, first.bytes * GROWTH_SHARE_MIN) &&
    lows.every((low, i) => i === 0 || low.bytes > lows[i - 1]!.bytes) &&
    last.bytes - middle.bytes >= grown * LATER_SHARE_MIN;
  const goesOn = isTold && grown > 0 && last.bytes > lows[BLOCKS - 3]!.bytes;
  if (!isClear && !goesOn) return null;
  const perRequest = medianSlope(lows);
  if (!(perRequest > 0)) return null;
  const now = samples.at(-1)!;
  const requestsPerMs = (now.requests - samples[0]!.requests) / (now.atMs - samples[0]!.atMs);
  const left = limitBytes - now.bytes;
  return {
    bytesPerThousand: Math.round(perRequest * 1000),
    fullInMs: left <= 0 ? null : Math.round(left / (perRequest * requestsPerMs)),
    limitBytes,
  };
}

/** Bytes a request: the median of the slopes between any two (Theil and Sen's estimate), which a few strange ones do not move. */
function medianSlope(points: readonly MemorySample[]): number {
  const slopes = points.flatMap((a, i) =>
    points.slice(i + 1).map((b) => (b.bytes - a.bytes) / (b.requests - a.requests)),
  );
  return slopes.sort((a, b) => a - b)[Math.floor(slopes.length / 2)]!;
}

/** `its memory grows by 1.2 MB per 1,000 requests; at this rate metadata.memory (512 MB) is reached in about 3 h` */
export function growthText({ bytesPerThousand, fullInMs, limitBytes, isOfOneWorker }: MemoryGrowth): string {
  const whose = isOfOneWorker ? "the memory of one of its workers" : "its memory";
  const grows = `${whose} grows by ${megabytes(bytesPerThousand)} MB per 1,000 requests`;
  const limit = `metadata.memory (${Math.round(limitBytes / 2 ** 20)} MB)`;
  if (fullInMs === null) return `${grows}, and is above ${limit}`;
  return `${grows}; at this rate ${limit} is reached in about ${aboutText(fullInMs)}`;
}

/** Two digits, as it is an estimate; MB of 1024 × 1024, as those of metadata.memory. */
const megabytes = (bytes: number) => Number((bytes / 2 ** 20).toPrecision(2)).toLocaleString("en");

const UNITS = [
  [86_400_000, "days"],
  [3_600_000, "h"],
  [60_000, "min"],
] as const;

function aboutText(ms: number): string {
  for (const [size, name] of UNITS) if (ms >= 1.5 * size) return `${Math.round(ms / size)} ${name}`;
  return "a minute";
}
