import type { Http2Stream } from "node:http2";

const OWN_CUTS = new WeakSet<Http2Stream>();

/** Resets a stream for a reason that is not its client's; see {@link isReset}. */
export function cut(stream: Http2Stream, code: number): void {
  OWN_CUTS.add(stream);
  stream.close(code);
}

/**
 * A stream that is closed was reset by its client, or because of what its client sent: each costs us a request, and its client next to nothing
 * (CVE-2023-44487, CVE-2025-8671).
 */
export function isReset(stream: Http2Stream): boolean {
  return stream.rstCode !== 0 && !OWN_CUTS.has(stream);
}
