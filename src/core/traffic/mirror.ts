import type { ServiceName } from "../names.ts";

/** Most services that one service mirrors to: every one is a whole copy of the traffic that the ratio takes. */
export const MIRROR_TARGETS_MAX = 4;
/** Most paths that a comparison leaves out; each is tried at every value. */
export const IGNORE_PATHS_MAX = 32;
/** Longest of these paths, in characters. */
export const IGNORE_PATH_CHARS_MAX = 200;
/** Newest pairs of differing answers that are kept for one service. */
export const DIFFERENCES_MAX = 20;
/** Bytes of each answer in such a pair; what is longer is cut. */
export const DIFFERENCE_BYTES_MAX = 4 * 1024;

/** Which requests of a service are sent to others as well, and to whom (eas-reference §6.5). */
export interface MirrorRule {
  /** Whole percent of the service's requests, 0–100; exact over each hundred in each gateway worker. */
  readonly ratio: number;
  /** Each gets a copy of every request that the ratio takes. 1 to {@link MIRROR_TARGETS_MAX}, none twice. */
  readonly targets: readonly ServiceName[];
  /** Null: the answers of the targets are read and thrown away. */
  readonly compare: CompareRule | null;
}

/** How the answer of a target is compared with the one that the client got. */
export interface CompareRule {
  /** `status`: status codes only. `exact`: also the bodies, byte by byte. `json`: also the bodies, as JSON values. */
  readonly mode: "status" | "exact" | "json";
  /** Mode `json`: numbers a and b are equal when |a − b| ≤ tolerance × max(1, |a|, |b|). From 0. */
  readonly tolerance: number;
  /** Mode `json`: what stands at these paths is not looked at; see ignore-path.ts. */
  readonly ignorePaths: readonly string[];
  /** Newest differing pairs that are kept, 0 to {@link DIFFERENCES_MAX}. They hold what users sent for, so 0 unless asked. */
  readonly sampleCount: number;
}

/** Why a copy was not sent. */
export const MIRROR_DROPS = {
  tooLarge: "the request is longer than a copy may be",
  unfinished: "the request broke off, or was answered before all of it was here",
  memory: "the copies of all mirrors of this worker hold as many bytes as they may",
  busy: "the target is slow: as many copies as may be are in flight and waiting",
  missing: "the target has no ready instance, or is no target any more",
} as const;
export type MirrorDrop = keyof typeof MIRROR_DROPS;

/** What became of the copies from one service to one target, counted over some time. Sums add up. */
export interface MirrorCounts {
  /** Handed to a connection. Each is answered or failed later. */
  readonly sent: number;
  /** Answered whole, with any status. */
  readonly answered: number;
  /** Sent, and not answered in whole: refused, reset, not HTTP, or not in time. */
  readonly failed: number;
  readonly dropped: Readonly<Record<MirrorDrop, number>>;
  /** Pairs of answers that were compared, and those of them that differ. */
  readonly compared: number;
  readonly differing: number;
  /** Pairs that could not be compared: an answer is missing, cut off or too long, or there was no room. */
  readonly uncompared: number;
}

/** One of the two answers of a differing pair. */
export interface AnswerShown {
  readonly status: number;
  /** The first {@link DIFFERENCE_BYTES_MAX} bytes as UTF-8. */
  readonly body: string;
  readonly isCut: boolean;
}

/** Two answers that differ, for people. */
export interface MirrorDifference {
  readonly atMs: number;
  readonly service: ServiceName;
  readonly target: ServiceName;
  readonly requestId: string;
  /** The first difference found, e.g. `$.score: 0.91 and 0.87`. */
  readonly text: string;
  readonly primary: AnswerShown;
  readonly copy: AnswerShown;
}

/** No copies yet. */
export const NO_MIRROR_COUNTS: MirrorCounts = {
  sent: 0,
  answered: 0,
  failed: 0,
  dropped: { tooLarge: 0, unfinished: 0, memory: 0, busy: 0, missing: 0 },
  compared: 0,
  differing: 0,
  uncompared: 0,
};

/** Both together. */
export function addMirrorCounts(a: MirrorCounts, b: MirrorCounts): MirrorCounts {
  const drops = Object.keys(MIRROR_DROPS) as MirrorDrop[];
  const dropped = Object.fromEntries(drops.map((r) => [r, a.dropped[r] + b.dropped[r]]));
  return {
    sent: a.sent + b.sent,
    answered: a.answered + b.answered,
    failed: a.failed + b.failed,
    dropped: dropped as Record<MirrorDrop, number>,
    compared: a.compared + b.compared,
    differing: a.differing + b.differing,
    uncompared: a.uncompared + b.uncompared,
  };
}
