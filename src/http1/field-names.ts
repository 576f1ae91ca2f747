import { foldedAt, foldedWords, isFoldedWords } from "./words.ts";

/**
 * Numbers for the field names that somebody here acts on. 0 is any other name. A parsed head carries them, so
 * that a reader switches on an integer and never compares names again.
 */
export const FIELD = {
  OTHER: 0,
  HOST: 1,
  CONNECTION: 2,
  CONTENT_LENGTH: 3,
  TRANSFER_ENCODING: 4,
  EXPECT: 5,
  AUTHORIZATION: 6,
  KEEP_ALIVE: 7,
  PROXY_CONNECTION: 8,
  TE: 9,
  UPGRADE: 10,
  PROXY_AUTHENTICATE: 11,
  PROXY_AUTHORIZATION: 12,
  X_REQUEST_ID: 13,
  X_FORWARDED_FOR: 14,
  X_FORWARDED_PROTO: 15,
  X_FORWARDED_HOST: 16,
  X_SLUICE_SERVICE: 17,
  TRAILER: 18,
  DATE: 19,
  CONTENT_MD5: 20,
  CONTENT_TYPE: 21,
  X_SLUICE_MIRROR: 22,
  /** `Content_Length` or `Transfer_Encoding`: what reads names as CGI does (`_` for `-`) takes it for the framing field. */
  FRAMING_IMITATION: 23,
  X_SLUICE_QUEUE_US: 24,
  X_SLUICE_MEMBER: 25,
  CONTENT_ENCODING: 26,
} as const;

/** What each is called. Longer than three bytes, but for TE, which is looked up by itself. */
const NAMES: readonly (readonly [name: string, field: number])[] = [
  ["host", FIELD.HOST],
  ["date", FIELD.DATE],
  ["expect", FIELD.EXPECT],
  ["upgrade", FIELD.UPGRADE],
  ["trailer", FIELD.TRAILER],
  ["connection", FIELD.CONNECTION],
  ["keep-alive", FIELD.KEEP_ALIVE],
  ["content-md5", FIELD.CONTENT_MD5],
  ["content-type", FIELD.CONTENT_TYPE],
  ["x-request-id", FIELD.X_REQUEST_ID],
  ["authorization", FIELD.AUTHORIZATION],
  ["content-length", FIELD.CONTENT_LENGTH],
  // `_` folded by 0x20.
  ["content\x7flength", FIELD.FRAMING_IMITATION],
  ["x-forwarded-for", FIELD.X_FORWARDED_FOR],
  ["x-sluice-member", FIELD.X_SLUICE_MEMBER],
  ["x-sluice-mirror", FIELD.X_SLUICE_MIRROR],
  ["proxy-connection", FIELD.PROXY_CONNECTION],
  ["x-forwarded-host", FIELD.X_FORWARDED_HOST],
  ["content-encoding", FIELD.CONTENT_ENCODING],
  ["x-sluice-service", FIELD.X_SLUICE_SERVICE],
  ["transfer-encoding", FIELD.TRANSFER_ENCODING],
  ["transfer\x7fencoding", FIELD.FRAMING_IMITATION],
  ["x-forwarded-proto", FIELD.X_FORWARDED_PROTO],
  ["x-sluice-queue-us", FIELD.X_SLUICE_QUEUE_US],
  ["proxy-authenticate", FIELD.PROXY_AUTHENTICATE],
  ["proxy-authorization", FIELD.PROXY_AUTHORIZATION],
];

const bytes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const NAME_BYTES_MAX = Math.max(...NAMES.map(([name]) => name.length));

/** The names by their length. */
const BY_LENGTH = Array.from({ length: NAME_BYTES_MAX + 1 }, (_, length) =>
  NAMES.filter(([name]) => name.length === length).map(([name, field]) => ({
    words: foldedWords(bytes(name)),
    field,
  })),
);

const TE = 0x6574; // "te", in the order that words are read in

/**
 * True when `buf` holds `lower` at `from`, letters compared without case. Only for bytes known to be token
 * characters: folding with 0x20 is exact for those.
 */
export function isFolded(buf: Uint8Array, from: number, lower: Uint8Array): boolean {
  for (let i = 0; i < lower.length; i++) {
    if ((buf[from + i]! | 0x20) !== lower[i]) return false;
  }
  return true;
}

/** Number of the field name, of token characters in any case, in `[from, to)`. Most names cost one comparison. */
export function fieldOf(view: DataView, from: number, to: number): number {
  const length = to - from;
  if (length > NAME_BYTES_MAX) return FIELD.OTHER;
  if (length === 2) return (view.getInt16(from, true) | 0x2020) === TE ? FIELD.TE : FIELD.OTHER;
  const names = BY_LENGTH[length]!;
  if (names.length === 0) return FIELD.OTHER;
  const first = foldedAt(view, from);
  for (let i = 0; i < names.length; i++) {
    const { words, field } = names[i]!;
    if (words[0] === first && isFoldedWords(view, from, to, words)) return field;
  }
  return FIELD.OTHER;
}
