import type { Http2Stream } from "node:http2";

const OWN_CUTS = new WeakSet<Http2Stream>();

/**
 * Resets a stream, INTERNAL_ERROR, for a reason that is not its client's; see {@link isReset}. Not by `close`: that ends it in order first, and what was
 * cut would look whole.
 */
export function cut(stream: Http2Stream): void {
  OWN_CUTS.add(stream);
  stream.destroy(new Error("cut"));
}

/**
 * A stream that is closed was reset by its client, or because of what its client sent: each costs us a request, and its client next to nothing
 * (CVE-2023-44487, CVE-2025-8671).
 */
export function isReset(stream: Http2Stream): boolean {
  return stream.rstCode !== 0 && !OWN_CUTS.has(stream);
}
