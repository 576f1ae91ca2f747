import { isHmacSha1 } from "../base/message-digest.ts";
import { SP, TAB } from "../http1/chars.ts";
import { isFolded } from "../http1/field-names.ts";
import { FIELD_STRIDE, type MessageHead } from "../http1/message-head.ts";
import { readSignature } from "../http1/signed-request.ts";

const BEARER = Uint8Array.from("bearer", (c) => c.charCodeAt(0));

/**
 * True when the request in `buf` carries one of `tokens`: `Authorization: <token>` or `Authorization: Bearer <token>`
 * (eas-reference §3.2). Several Authorization fields open nothing: readers differ on which one counts.
 */
export function isOpenedBy(head: MessageHead, buf: Buffer, tokens: readonly Buffer[]): boolean {
  if (head.authorizationAt === -1 || head.isAuthorizationRepeated) return false;
  let from = head.fields[head.authorizationAt * FIELD_STRIDE + 2]!;
  const to = head.fields[head.authorizationAt * FIELD_STRIDE + 3]!;
  // A token may begin with these letters; only with white space behind them are they a scheme.
  if (to - from > BEARER.length && isBlank(buf[from + BEARER.length]!) && isFolded(buf, from, BEARER)) {
    from += BEARER.length + 1;
    while (from < to && isBlank(buf[from]!)) from++;
  }
  let isOpen = 0;
  for (let i = 0; i < tokens.length; i++) isOpen |= isSameToken(buf, from, to, tokens[i]!);
  return isOpen === 1;
}

/**
 * The Content-MD5 of a request that is signed with one of `tokens`, `Authorization: EAS …`; empty when it has none. Null when
 * it is not signed, or not by them. Asked only when {@link isOpenedBy} said no, so that others do not pay for it.
 */
export function signedBodyOf(head: MessageHead, buf: Buffer, tokens: readonly Buffer[]): string | null {
  const signed = readSignature(head, buf);
  if (signed === null) return null;
  const isTrue = signed.texts.some((text) => isHmacSha1(signed.signature, text, tokens));
  return isTrue ? signed.bodyMd5 : null;
}

const isBlank = (byte: number) => byte === SP || byte === TAB;

/** 1 when equal. Takes the same time wherever the first difference is: it depends on the lengths only. */
function isSameToken(buf: Buffer, from: number, to: number, token: Buffer): number {
  if (to - from !== token.length || token.length === 0) return 0;
  let difference = 0;
  for (let i = 0; i < token.length; i++) difference |= buf[from + i]! ^ token[i]!;
  return difference === 0 ? 1 : 0;
}
