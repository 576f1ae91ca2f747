import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { checkBody, createAccess } from "./access.ts";
import { type Claim, readClaim } from "./signing/claim.ts";
import { type SignedParts, sha256, signatureOf } from "./signing/signature.ts";

const KEY = { id: "sluice-0a1b", secret: "not a secret" };
const START = Date.parse("2026-11-22T08:00:00Z");
const SIGNED = ["host", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce"];

interface Change {
  readonly signed?: readonly string[];
  readonly secret?: string;
  readonly keyId?: string;
  readonly date?: string;
  readonly nonce?: string;
  readonly body?: string;
}

/** A signed request; whatever is changed is changed before it is signed. */
function request(change: Change = {}): SignedParts {
  const { signed = SIGNED, secret = KEY.secret, keyId = KEY.id, body = "{}" } = change;
  const headers = new Map([
    ["host", "localhost"],
    ["x-acs-date", change.date ?? "2026-11-22T08:00:10Z"],
    ["x-acs-signature-nonce", change.nonce ?? "n1"],
    ["x-acs-content-sha256", sha256(body)],
  ]);
  const parts = {
    method: "POST",
    target: "/api/v2/services?A=1",
    header: (name: string) => headers.get(name),
    headerNames: [...headers.keys()],
  };
  const claim: Claim = { scheme: "ACS3-HMAC-SHA256", keyId, signedHeaders: signed, signature: "" };
  const signature = signatureOf(claim, parts, secret);
  headers.set(
    "authorization",
    `ACS3-HMAC-SHA256 Credential=${keyId},SignedHeaders=${signed.join(";")},Signature=${signature}`,
  );
  return parts;
}

const access = (now = START + 12_000) => {
  let at = START;
  const made = createAccess([{ id: "other", secret: "other" }, KEY], () => at);
  at = now;
  return made;
};

test("a signed request is taken, and its body has to be the one that was signed", () => {
  const caller = access().check(request({ body: '{"a":1}' }));
  checkBody(caller, '{"a":1}');
  assert.throws(() => checkBody(caller, '{"a":2}'), /the body is not the one that was signed/);
  assert.throws(() => checkBody(caller, ""), /UNAUTHORIZED|not the one/);
});

test("it is taken once", () => {
  const opened = access();
  opened.check(request());
  assert.throws(() => opened.check(request()), /has been sent before/);
  opened.check(request({ nonce: "n2" }));
});

for (const [what, change, told] of [
  ["a wrong secret", { secret: "guess" }, /the signature does not match/],
  ["an unknown key", { keyId: "nobody" }, /the signature does not match/],
  ["the secret of another key", { keyId: "other" }, /the signature does not match/],
  ["an old time", { date: "2026-11-22T07:40:00Z" }, /before this server started: check the clocks/],
  ["a time to come", { date: "2026-11-22T08:20:00Z" }, /more than 15 minutes/],
  ["no time", { date: "yesterday" }, /x-acs-date is not a time/],
  ["no nonce", { nonce: "" }, /x-acs-signature-nonce must have/],
  ["a long nonce", { nonce: "n".repeat(129) }, /x-acs-signature-nonce must have/],
  [
    "a body that is not signed",
    { signed: ["host", "x-acs-date", "x-acs-signature-nonce"] },
    /must cover x-acs-content-sha256/,
  ],
  [
    "nothing that is signed but the host",
    { signed: ["host"] },
    /must cover x-acs-date, x-acs-signature-nonce, x-acs-content/,
  ],
] as const) {
  test(`refused: ${what}`, () => {
    assert.throws(() => access().check(request(change)), told);
  });
}

test("a signature of something else does not open", () => {
  const parts = request();
  const elsewhere = { ...parts, target: "/api/v2/services?A=2" };
  assert.throws(() => access().check(elsewhere), /does not match/);
  assert.throws(() => access().check({ ...parts, method: "DELETE" }), /does not match/);
  // Refused before its nonce is noted: nobody without a key can use up those of others.
  const opened = access();
  assert.throws(() => opened.check(elsewhere), /does not match/);
  opened.check(parts);
});

test("the older form is taken, once", () => {
  const headers = new Map([
    ["date", "Sun, 22 Nov 2026 08:00:05 GMT"],
    ["x-acs-signature-nonce", "n"],
  ]);
  const text = "GET\n\n\n\nSun, 22 Nov 2026 08:00:05 GMT\nx-acs-signature-nonce:n\n/api/v2/services";
  const signature = createHmac("sha1", KEY.secret).update(text).digest("base64");
  headers.set("authorization", `acs ${KEY.id}:${signature}`);
  assert(readClaim(headers.get("authorization")!) !== null);
  const parts = {
    method: "GET",
    target: "/api/v2/services",
    header: (name: string) => headers.get(name),
    headerNames: [...headers.keys()],
  };
  const opened = access();
  assert.deepEqual(opened.check(parts), { bodySha256: null });
  assert.throws(() => opened.check(parts), /sent before/);
});
