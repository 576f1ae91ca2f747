/** Character classes of HTTP/1.1 as tables of 256 bytes: 1 for a member. One load decides, whatever the class. */

function table(isMember: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (isMember(byte) ? 1 : 0));
}

const among = (text: string) => (byte: number) => byte > 0x20 && text.includes(String.fromCharCode(byte));
const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39;
const isLetter = (byte: number) => (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
const isTokenMark = among("!#$%&'*+-.^_`|~");
const isHostMark = among("!$%&'()*+,-.:;=[]_~");

/** RFC 9110 §5.6.2 `tchar`: methods and field names. */
export const TOKEN = table((b) => isDigit(b) || isLetter(b) || isTokenMark(b));

/** RFC 9110 §5.5 field value: visible ASCII, obs-text, space, tab. No other control character, no DEL. */
export const VALUE = table((b) => b === 0x09 || (b >= 0x20 && b !== 0x7f));

/** A request target: visible ASCII without `#`, since a fragment is never sent (RFC 9112 §3.2). */
export const TARGET = table((b) => b > 0x20 && b < 0x7f && b !== 0x23);

/** A Host value: what a host, a port and an IPv6 literal are spelled with (RFC 3986 §3.2.2). */
export const HOST = table((b) => isDigit(b) || isLetter(b) || isHostMark(b));

/** Value of a hexadecimal digit, 255 for any other byte. */
export const HEX = Uint8Array.from({ length: 256 }, (_, b) => {
  if (isDigit(b)) return b - 0x30;
  const folded = b | 0x20;
  return isLetter(b) && folded <= 0x66 ? folded - 0x57 : 255;
});

export const CR = 0x0d;
export const LF = 0x0a;
export const SP = 0x20;
export const TAB = 0x09;
export const COLON = 0x3a;
export const SLASH = 0x2f;
export const COMMA = 0x2c;
export const SEMICOLON = 0x3b;
