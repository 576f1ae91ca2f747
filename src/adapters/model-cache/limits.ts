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
  /** Cuts after which a download goes on at once, each of which brought something; then it is a failure, and tried again later. */
  readonly cutsMax: number;
  /** A part of a file that nothing was added to for so long is removed. */
  readonly partialMs: number;
  /** One answer of a list of objects; 1000 objects with keys of 1024 bytes, escaped, stay below. */
  readonly listBytesMax: number;
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
  cutsMax: 100,
  partialMs: 7 * 24 * 3_600_000,
  listBytesMax: 16 * 2 ** 20,
  progressMs: 500,
};
