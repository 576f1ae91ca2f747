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
} as const;

const bytes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const HOST = bytes("host");
const CONNECTION = bytes("connection");
const CONTENT_LENGTH = bytes("content-length");
const TRANSFER_ENCODING = bytes("transfer-encoding");
const EXPECT = bytes("expect");
const AUTHORIZATION = bytes("authorization");
const KEEP_ALIVE = bytes("keep-alive");
const PROXY_CONNECTION = bytes("proxy-connection");
const TE = bytes("te");
const UPGRADE = bytes("upgrade");
const PROXY_AUTHENTICATE = bytes("proxy-authenticate");
const PROXY_AUTHORIZATION = bytes("proxy-authorization");
const X_REQUEST_ID = bytes("x-request-id");
const X_FORWARDED_FOR = bytes("x-forwarded-for");
const X_FORWARDED_PROTO = bytes("x-forwarded-proto");
const X_FORWARDED_HOST = bytes("x-forwarded-host");
const X_SLUICE_SERVICE = bytes("x-sluice-service");
const X_SLUICE_QUEUE_US = bytes("x-sluice-queue-us");
const TRAILER = bytes("trailer");
const X_SLUICE_MEMBER = bytes("x-sluice-member");
const DATE = bytes("date");
const CONTENT_MD5 = bytes("content-md5");
const CONTENT_TYPE = bytes("content-type");
const X_SLUICE_MIRROR = bytes("x-sluice-mirror");
// `_` folded by 0x20.
const CONTENT_LENGTH_IMITATION = bytes("content\x7flength");
const TRANSFER_ENCODING_IMITATION = bytes("transfer\x7fencoding");

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

/** Number of the field name in `buf[from..to)`, in any case. Most names cost one switch on their length. */
export function fieldOf(buf: Uint8Array, from: number, to: number): number {
  switch (to - from) {
    case 2:
      return isFolded(buf, from, TE) ? FIELD.TE : 0;
    case 4:
      if (isFolded(buf, from, HOST)) return FIELD.HOST;
      return isFolded(buf, from, DATE) ? FIELD.DATE : 0;
    case 6:
      return isFolded(buf, from, EXPECT) ? FIELD.EXPECT : 0;
    case 7:
      if (isFolded(buf, from, UPGRADE)) return FIELD.UPGRADE;
      return isFolded(buf, from, TRAILER) ? FIELD.TRAILER : 0;
    case 10:
      if (isFolded(buf, from, CONNECTION)) return FIELD.CONNECTION;
      return isFolded(buf, from, KEEP_ALIVE) ? FIELD.KEEP_ALIVE : 0;
    case 11:
      return isFolded(buf, from, CONTENT_MD5) ? FIELD.CONTENT_MD5 : 0;
    case 12:
      if (isFolded(buf, from, CONTENT_TYPE)) return FIELD.CONTENT_TYPE;
      return isFolded(buf, from, X_REQUEST_ID) ? FIELD.X_REQUEST_ID : 0;
    case 13:
      return isFolded(buf, from, AUTHORIZATION) ? FIELD.AUTHORIZATION : 0;
    case 14:
      if (isFolded(buf, from, CONTENT_LENGTH)) return FIELD.CONTENT_LENGTH;
      return isFolded(buf, from, CONTENT_LENGTH_IMITATION) ? FIELD.FRAMING_IMITATION : 0;
    case 15:
      if (isFolded(buf, from, X_FORWARDED_FOR)) return FIELD.X_FORWARDED_FOR;
      if (isFolded(buf, from, X_SLUICE_MEMBER)) return FIELD.X_SLUICE_MEMBER;
      return isFolded(buf, from, X_SLUICE_MIRROR) ? FIELD.X_SLUICE_MIRROR : 0;
    case 16:
      if (isFolded(buf, from, PROXY_CONNECTION)) return FIELD.PROXY_CONNECTION;
      if (isFolded(buf, from, X_FORWARDED_HOST)) return FIELD.X_FORWARDED_HOST;
      return isFolded(buf, from, X_SLUICE_SERVICE) ? FIELD.X_SLUICE_SERVICE : 0;
    case 17:
      if (isFolded(buf, from, TRANSFER_ENCODING)) return FIELD.TRANSFER_ENCODING;
      if (isFolded(buf, from, X_FORWARDED_PROTO)) return FIELD.X_FORWARDED_PROTO;
      if (isFolded(buf, from, TRANSFER_ENCODING_IMITATION)) return FIELD.FRAMING_IMITATION;
      return isFolded(buf, from, X_SLUICE_QUEUE_US) ? FIELD.X_SLUICE_QUEUE_US : 0;
    case 18:
      return isFolded(buf, from, PROXY_AUTHENTICATE) ? FIELD.PROXY_AUTHENTICATE : 0;
    case 19:
      return isFolded(buf, from, PROXY_AUTHORIZATION) ? FIELD.PROXY_AUTHORIZATION : 0;
    default:
      return 0;
  }
}
