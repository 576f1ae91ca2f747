import { type Affinity, keyOf, keyOfText } from "../core/traffic/affinity.ts";
import { isFolded } from "../http1/field-names.ts";
import { FIELD_STRIDE, type MessageHead } from "../http1/message-head.ts";

const COOKIE = Buffer.from("cookie", "latin1");
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const SPACE = 0x20;

/** The key of a client that cannot be told from others: the header is missing. */
export const NO_KEY = -1;

/**
 * Reads by what a client is known. A client without the cookie that is asked for gets one: `setCookies` holds the lines for its
 * answer. One object serves all requests of a worker, each from `begin` on.
 */
export class ClientKeys {
  /** `Set-Cookie` lines of the request since `begin`; null: none. */
  setCookies: Buffer | null = null;
  #fresh: { readonly name: string; readonly value: string }[] = [];
  readonly #chance: () => number;

  /** `chance` is even in [0, 1). */
  constructor(chance: () => number) {
    this.#chance = chance;
  }

  begin(): void {
    if (this.setCookies === null) return;
    this.setCookies = null;
    this.#fresh = [];
  }

  /** Key of the client that sent the request in `buf`, or NO_KEY. */
  read({ kind, name }: Affinity, head: MessageHead, buf: Buffer): number {
    if (kind === "header") return headerKey(name, head, buf);
    const key = cookieKey(name, head, buf);
    return key === NO_KEY ? keyOfText(this.#make(name)) : key;
  }

  /** The same value wherever one request asks for one cookie. */
  #make(name: string): string {
    const known = this.#fresh.find((cookie) => cookie.name === name);
    if (known !== undefined) return known.value;
    const part = () =>
      Math.floor(this.#chance() * 2 ** 32)
        .toString(16)
        .padStart(8, "0");
    const value = part() + part();
    this.#fresh.push({ name, value });
    const lines = this.#fresh.map(
      (c) => `Set-Cookie: ${c.name}=${c.value}; Path=/; HttpOnly; SameSite=Lax\r\n`,
    );
    this.setCookies = Buffer.from(lines.join(""), "latin1");
    return value;
  }
}

function headerKey(name: string, head: MessageHead, buf: Buffer): number {
  const bytes = Buffer.from(name, "latin1");
  const { fields, fieldCount } = head;
  for (let i = 0; i < fieldCount; i++) {
    const at = i * FIELD_STRIDE;
    if (isNamed(buf, fields[at]!, fields[at + 1]!, bytes))
      return keyOf(buf, fields[at + 2]!, fields[at + 3]!);
  }
  return NO_KEY;
}

function isNamed(buf: Buffer, from: number, to: number, lower: Buffer): boolean {
  return to - from === lower.length && isFolded(buf, from, lower);
}

/** Looks for `name=value` in all Cookie fields (RFC 6265 §4.2.1); the first one counts. */
function cookieKey(name: string, head: MessageHead, buf: Buffer): number {
  const bytes = Buffer.from(name, "latin1");
  const { fields, fieldCount } = head;
  for (let i = 0; i < fieldCount; i++) {
    const slot = i * FIELD_STRIDE;
    if (!isNamed(buf, fields[slot]!, fields[slot + 1]!, COOKIE)) continue;
    const to = fields[slot + 3]!;
    let at = fields[slot + 2]!;
    while (at < to) {
      while (at < to && (buf[at] === SPACE || buf[at] === SEMICOLON)) at++;
      const found = buf.indexOf(SEMICOLON, at);
      const end = found === -1 || found > to ? to : found;
      const valueFrom = at + bytes.length + 1;
      if (valueFrom < end && buf[valueFrom - 1] === EQUALS && isSame(buf, at, bytes))
        return keyOf(buf, valueFrom, end);
      at = end;
    }
  }
  return NO_KEY;
}

function isSame(buf: Buffer, from: number, bytes: Buffer): boolean {
  for (let i = 0; i < bytes.length; i++) if (buf[from + i] !== bytes[i]) return false;
  return true;
}
