/** Every bound of fetching and unpacking. */
export interface CacheLimits {
  /** Largest archive. 64 GiB: larger models are kept on a disk and named by path. */
  readonly archiveBytesMax: number;
  /** Largest sum of unpacked files. */
  readonly unpackedBytesMax: number;
  /** Unpacked bytes for each byte of the archive beyond {@link unpackedBytesFree}; weights reach about 5. */
  readonly unpackedRatioMax: number;
  /** Up to here the ratio is not looked at: small texts and zeros pack well. */
  readonly unpackedBytesFree: number;
  /** Files, folders and links in one archive. */
  readonly entriesMax: number;
  /** A server that is silent for longer has failed. */
  readonly idleMs: number;
  readonly redirectsMax: number;
  /** Least time between two progress lines. */
  readonly progressMs: number;
}

const GIB = 2 ** 30;

export const CACHE_LIMITS: CacheLimits = {
  archiveBytesMax: 64 * GIB,
  unpackedBytesMax: 256 * GIB,
  unpackedRatioMax: 100,
  unpackedBytesFree: GIB,
  entriesMax: 100_000,
  idleMs: 30_000,
  redirectsMax: 5,
  progressMs: 500,
};
