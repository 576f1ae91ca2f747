import { FIELD } from "../http1/field-names.ts";
import { FIELD_STRIDE, type MessageHead } from "../http1/message-head.ts";
import { findField } from "../http1/request-head.ts";

/** Protocol names (RFC 9110 §7.8, without a version) that are, or hide, HTTP: requests inside a tunnel would pass no token check and no limit. */
const NEVER_PASSED = new Set(["h2c", "h2", "http", "tls"]);

/**
 * What a request asks to switch to: protocols in lower case, in the order of its wish. Null when it does not ask, or for what is
 * not passed on: HTTP itself (h2c), TLS (RFC 2817), or anything from an HTTP/1.0 client (RFC 9110 §7.8: ignored).
 */
export function upgradeAsked(head: MessageHead, buf: Buffer): readonly string[] | null {
  if (!head.isUpgrade || head.versionMinor === 0) return null;
  const asked = protocols(head, buf);
  return asked.length > 0 && asked.every((p) => !NEVER_PASSED.has(p.split("/")[0]!)) ? asked : null;
}

/** A 101 switches to something that was asked for; anything else is no answer to this request. */
export function isUpgradeGranted(head: MessageHead, buf: Buffer, asked: readonly string[]): boolean {
  const granted = protocols(head, buf);
  return head.isUpgrade && granted.length > 0 && granted.every((p) => asked.includes(p));
}

function protocols(head: MessageHead, buf: Buffer): string[] {
  const found: string[] = [];
  for (let i = findField(head, FIELD.UPGRADE); i !== -1; i = findField(head, FIELD.UPGRADE, i + 1)) {
    const value = buf.toString(
      "latin1",
      head.fields[i * FIELD_STRIDE + 2],
      head.fields[i * FIELD_STRIDE + 3],
    );
    found.push(
      ...value
        .toLowerCase()
        .split(",")
        .map((p) => p.trim())
        .filter((p) => p !== ""),
    );
  }
  return found;
}
