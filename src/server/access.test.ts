import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import type { AccessKeyRecord } from "../core/access/access-key.ts";
import type { ServingError } from "../core/errors.ts";
import { ownKeyInMemory } from "../testing/api-app.ts";
import { SeededRandom } from "../testing/seeded-random.ts";
import { checkBody, createAccess } from "./access.ts";
import { SEALING_KEY_BYTES, Sealer } from "./sealing.ts";
import type { Claim } from "./signing/claim.ts";
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

const random = new SeededRandom(1);
const sealer = new Sealer(new Uint8Array(SEALING_KEY_BYTES).fill(7), random);

function record(id: string, secret: string, facts: Partial<AccessKeyRecord> = {}): AccessKeyRecord {
  return {
    id,
    role: "operator",
    note: "",
    restriction: null,
    secret: { sha256: sha256(secret), sealed: sealer.seal(secret, id) },
    olderSecret: null,
    expiresAtMs: null,
    createdAtMs: 0,
    updatedAtMs: 0,
    ...facts,
  };
}

const HOME = "127.0.0.1";

function access(now = START + 12_000, made: readonly AccessKeyRecord[] = [record("other", "other")]) {
  let at = START;
  const keys = new Map(made.map((k) => [k.id, k]));
  const opened = createAccess({
    ownKey: ownKeyInMemory({ ...KEY, older: null }),
    sealer,
    keys: async () => keys,
    now: () => at,
    monotonic: () => at,
    windowMs: 900_000,
  });
  at = now;
  return {
    counts: opened.counts,
    check: (parts: SignedParts, address = HOME) => opened.check(parts, address),
    later: (ms: number) => {
      at += ms;
    },
  };
}

test("a signed request is taken, and its body has to be the one that was signed", async () => {
  const { caller, body } = await access().check(request({ body: '{"a":1}' }));
  assert.deepEqual([caller.keyId, caller.role, caller.restriction], [KEY.id, "admin", null]);
  checkBody(body, '{"a":1}');
  assert.throws(() => checkBody(body, '{"a":2}'), /the body is not the one that was signed/);
  assert.throws(() => checkBody(body, ""), /UNAUTHORIZED|not the one/);
});

test("it is taken once", async () => {
  const opened = access();
  await opened.check(request());
  await assert.rejects(opened.check(request()), /has been sent before/);
  await opened.check(request({ nonce: "n2" }));
});

for (const [what, change, told] of [
  ["a wrong secret", { secret: "guess" }, /the signature does not match/],
  ["an unknown key", { keyId: "nobody" }, /the signature does not match/],
  ["the secret of another key", { keyId: "other" }, /the signature does not match/],
  ["an old time", { date: "2026-11-22T07:40:00Z" }, /before this server started: check the clocks/],
  ["a time to come", { date: "2026-11-22T08:20:00Z" }, /more than 900 seconds/],
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
  test(`refused: ${what}`, async () => {
    await assert.rejects(access().check(request(change)), told);
  });
}

test("a signature of something else does not open", async () => {
  const parts = request();
  const elsewhere = { ...parts, target: "/api/v2/services?A=2" };
  await assert.rejects(access().check(elsewhere), /does not match/);
  await assert.rejects(access().check({ ...parts, method: "DELETE" }), /does not match/);
  // Refused before its nonce is noted: nobody without a key can use up those of others.
  const opened = access();
  await assert.rejects(opened.check(elsewhere), /does not match/);
  await opened.check(parts);
});

/** A request in the older form, signed with the headers that it has. */
function olderForm(given: Readonly<Record<string, string>> = {}, nonce = "n"): SignedParts {
  const headers = new Map([
    ["date", "Sun, 22 Nov 2026 08:00:05 GMT"],
    ["x-acs-signature-nonce", nonce],
    ...Object.entries(given),
  ]);
  const parts = {
    method: "POST",
    target: "/api/v2/services",
    header: (name: string) => headers.get(name),
    headerNames: [...headers.keys()],
  };
  const signature = signatureOf({ scheme: "acs", keyId: KEY.id, signature: "" }, parts, KEY.secret);
  headers.set("authorization", `acs ${KEY.id}:${signature}`);
  return parts;
}

test("the older form is taken, once; without Content-MD5 it says nothing of the body, as the SDKs send it", async () => {
  const opened = access();
  const { body } = await opened.check(olderForm());
  checkBody(body, "whatever");
  await assert.rejects(opened.check(olderForm()), /sent before/);
});

test("the older form: a Content-MD5 that was sent is signed, and the body has to have it", async () => {
  const md5 = createHash("md5").update("{}").digest("base64");
  const opened = access();
  const { body } = await opened.check(olderForm({ "content-md5": md5 }));
  checkBody(body, "{}");
  assert.throws(() => checkBody(body, "{ }"), /content-md5 differs/);
  assert.throws(() => checkBody(body, ""), /content-md5 differs/);
  const signed = olderForm({ "content-md5": md5 }, "n2");
  const header = (name: string) => (name === "content-md5" ? "AAAA" : signed.header(name));
  await assert.rejects(opened.check({ ...signed, header }), /does not match/, "it cannot be exchanged");
});

const bearer = (secret: string): SignedParts => ({
  method: "GET",
  target: "/",
  header: (name) => (name === "authorization" ? `Bearer ${secret}` : undefined),
  headerNames: ["authorization"],
});

test("a made key opens by bearer and by signature, with its role and restriction", async () => {
  const restriction = { groups: ["g"], workspaces: [] };
  const opened = access(START + 12_000, [record("k", "of-k", { role: "viewer", restriction, note: "CI" })]);
  const wanted = { keyId: "k", note: "CI", role: "viewer", restriction };
  assert.deepEqual((await opened.check(bearer("of-k"))).caller, wanted);
  assert.deepEqual((await opened.check(request({ keyId: "k", secret: "of-k" }))).caller, wanted);
  await assert.rejects(opened.check(bearer("of-K")), /not one of this server's/);
  await assert.rejects(opened.check(bearer(sha256("of-k"))), /not one/, "what the store holds opens nothing");
  await assert.rejects(opened.check(request({ keyId: "k", secret: sha256("of-k"), nonce: "2" })), /match/);
});

test("after a rotation the old secret opens until its grace is over", async () => {
  const older = { sha256: sha256("old"), sealed: sealer.seal("old", "k"), validUntilMs: START + 20_000 };
  const opened = access(START + 12_000, [record("k", "new", { olderSecret: older })]);
  await opened.check(bearer("old"));
  await opened.check(request({ keyId: "k", secret: "old" }));
  await opened.check(request({ keyId: "k", secret: "new", nonce: "n2" }));
  opened.later(8_000);
  await opened.check(bearer("new"));
  await assert.rejects(opened.check(bearer("old")), /not one of/);
  await assert.rejects(opened.check(request({ keyId: "k", secret: "old", nonce: "n3" })), /does not match/);
});

test("an expired key says so to who has it, and to nobody else", async () => {
  const opened = access(START + 12_000, [record("k", "of-k", { expiresAtMs: START + 13_000 })]);
  await opened.check(bearer("of-k"));
  opened.later(1_000);
  await assert.rejects(opened.check(bearer("of-k")), /access key k has expired/);
  await assert.rejects(opened.check(request({ keyId: "k", secret: "of-k" })), /has expired/);
  await assert.rejects(opened.check(request({ keyId: "k", secret: "guess" })), /does not match/);
});

test("a secret that was sealed elsewhere, or for another key, signs nothing, and opens as a bearer token", async () => {
  const other = new Sealer(new Uint8Array(SEALING_KEY_BYTES).fill(8), random);
  const elsewhere = record("k", "s", { secret: { sha256: sha256("s"), sealed: other.seal("s", "k") } });
  const swapped = record("l", "t", { secret: { sha256: sha256("t"), sealed: sealer.seal("t", "other") } });
  const opened = access(START + 12_000, [elsewhere, swapped]);
  await opened.check(bearer("s"));
  await assert.rejects(opened.check(request({ keyId: "k", secret: "s" })), /cannot be read here/);
  await assert.rejects(opened.check(request({ keyId: "l", secret: "t" })), /cannot be read here/);
});

const code = (error: unknown) => (error as ServingError).code;
const codeOf = (answer: Promise<unknown>) => answer.then(() => "ok", code);

test("an address that fails often is locked, for longer each time, right keys and all; others are not", async () => {
  const opened = access(START + 12_000, [record("k", "of-k")]);
  const bad = () => codeOf(opened.check(bearer("guess"), "10.0.0.1"));
  for (let i = 0; i < 11; i++) assert.equal(await bad(), "UNAUTHORIZED");
  assert.equal(await bad(), "TOO_MANY_FAILURES");
  await assert.rejects(opened.check(bearer("of-k"), "10.0.0.1"), (error: unknown) => {
    assert.deepEqual((error as ServingError).facts, { retryAfterS: 1 });
    return code(error) === "TOO_MANY_FAILURES";
  });
  await opened.check(bearer("of-k"), "10.0.0.2");
  assert.deepEqual(opened.counts, { unauthorized: 11, locked: 2, forbidden: 0 });
  opened.later(1000);
  assert.equal(await bad(), "UNAUTHORIZED");
  opened.later(1999);
  assert.equal(await bad(), "TOO_MANY_FAILURES", "twice as long");
  opened.later(1);
  await opened.check(bearer("of-k"), "10.0.0.1");
  for (let i = 0; i < 10; i++)
    assert.equal(await bad(), "UNAUTHORIZED", "what opened has forgotten the failures");
  for (let i = 0; i < 3; i++) await bad();
  await opened.check(bearer("of-k"), "10.0.0.1");
});

test("nobody on this machine locks out its own key, or one that has opened from here", async () => {
  const opened = access(START + 12_000, [record("k", "of-k"), record("l", "of-l")]);
  await opened.check(bearer("of-k"), "::1");
  for (let i = 0; i < 20; i++) await codeOf(opened.check(bearer("guess"), HOME));
  assert.equal(await codeOf(opened.check(bearer("of-l"), HOME)), "TOO_MANY_FAILURES");
  await opened.check(bearer("of-k"), HOME);
  for (let i = 0; i < 20; i++) await codeOf(opened.check(bearer("guess"), HOME));
  await opened.check(request(), "::ffff:127.0.0.1");
});

test("whatever stands in Authorization, it is refused as what it is, and nothing breaks", async () => {
  const schemes = ["Bearer ", "bearer", "acs ", "ACS3-HMAC-SHA256 ", "Basic ", ""];
  const parts = [
    "Credential=",
    "SignedHeaders=",
    "Signature=",
    ",",
    ";",
    "=",
    ":",
    "k",
    "a".repeat(64),
    "host",
  ];
  const piece = fc.oneof(fc.constantFrom(...parts), fc.string(), fc.constant("=".repeat(5000)));
  const header = fc.tuple(fc.constantFrom(...schemes), fc.array(piece, { maxLength: 8 }));
  const opened = access();
  await fc.assert(
    fc.asyncProperty(header, async ([scheme, pieces]) => {
      const authorization = scheme + pieces.join("");
      const found = await codeOf(
        opened.check({
          method: "GET",
          target: "/?x",
          header: (name) => (name === "authorization" ? authorization : undefined),
          headerNames: ["authorization"],
        }),
      );
      assert(["UNAUTHORIZED", "TOO_MANY_FAILURES"].includes(found), `${found}: ${authorization}`);
    }),
    { numRuns: 500 },
  );
});
