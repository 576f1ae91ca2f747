/** Longest id of a request that is taken over from a client; the gateway has the same limit. */
export const REQUEST_ID_CHARS_MAX = 128;

const GOOD = /^[A-Za-z0-9._:+/=-]+$/;

/**
 * Whether a client's own id may stand in answers, logs and the audit: letters of UUIDs, ULIDs, trace ids and base64, and
 * nothing that a log line or a shell would trip on.
 */
export function isRequestId(text: string): boolean {
  return text.length <= REQUEST_ID_CHARS_MAX && GOOD.test(text);
}
