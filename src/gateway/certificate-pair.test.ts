import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { makeCertificate } from "../../test/harness/certificates.ts";
import { checkPair, dateWarning } from "./certificate-pair.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const good = makeCertificate("one");
const other = makeCertificate("two");
const check = (cert: string, key: string) =>
  checkPair({ certFile: "c.pem", cert: Buffer.from(cert), keyFile: "k.pem", key: Buffer.from(key) });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const locked = (type: "pkcs8" | "pkcs1") =>
  rsa.privateKey.export({ type, format: "pem", cipher: "aes-256-cbc", passphrase: "x" }) as string;

test("a pair that fits is taken, with what is to be known of it", () => {
  const pair = check(good.cert, good.key);
  assert(typeof pair !== "string");
  const { subject, names, fingerprint, notAfterMs } = pair.facts;
  assert.equal(subject, "CN=one");
  assert.deepEqual(names, ["localhost", "127.0.0.1"]);
  assert.match(fingerprint, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  assert.ok(Math.abs(notAfterMs - Date.now() - 365 * DAY_MS) < DAY_MS);
});

test("a chain, text around the blocks, and one file for both are taken", () => {
  const both = `subject=one\n${good.cert}\n${other.cert}${good.key}`;
  assert.ok(typeof check(both, both) !== "string");
});

const refused: readonly (readonly [string, string, string, RegExp])[] = [
  ["nothing", "", good.key, /^c\.pem: holds no certificate in PEM form/],
  ["DER", "\x30\x82\x01\x02", good.key, /^c\.pem: holds no certificate in PEM form/],
  ["exchanged", good.key, good.cert, /^c\.pem: holds a private key and no certificate; are the two files/],
  ["two certificates", good.cert, good.cert, /^k\.pem: holds a certificate and no private key/],
  ["no key", good.cert, "", /^k\.pem: holds no private key in PEM form/],
  ["another key", good.cert, other.key, /^k\.pem: the key does not belong to the certificate in c\.pem$/],
  ["wrong order", other.cert + good.cert, good.key, /^c\.pem: the key belongs to certificate 2 of the chain/],
  ["half a certificate", good.cert.slice(0, 200), good.key, /^c\.pem: a PEM block has no end/],
  ["half a chain", good.cert + other.cert.slice(0, 100), good.key, /^c\.pem: a PEM block has no end/],
  ["half a key", good.cert, good.key.slice(0, 60), /^k\.pem: a PEM block has no end/],
  [
    "a broken certificate",
    good.cert.replace("\nMII", "\nAAA"),
    good.key,
    /^c\.pem: (certificate 1 cannot be read|TLS cannot use it)/,
  ],
  [
    "a broken key",
    good.cert,
    good.key.replace(/M[A-Za-z]{3}/, "AAAA"),
    /^k\.pem: the private key cannot be read$/,
  ],
  ["a key with a passphrase", good.cert, locked("pkcs8"), /^k\.pem: the key is protected by a passphrase/],
  ["the same, older form", good.cert, locked("pkcs1"), /^k\.pem: the key is protected by a passphrase/],
];
for (const [name, cert, key, problem] of refused) {
  test(`refused, and no byte of a key told: ${name}`, () => {
    const found = check(cert, key);
    assert(typeof found === "string", "refused");
    assert.match(found, problem);
    for (const line of key.split("\n").filter((l) => l.length > 20 && !l.startsWith("-----")))
      assert.ok(!found.includes(line));
  });
}

test("dates: what is over, not yet begun, or ends within 14 days is said", () => {
  const at = (from: number, to: number) => {
    const pair = check(...(Object.values(makeCertificate("d", [from, to])) as [string, string]));
    assert(typeof pair !== "string", "taken all the same");
    return dateWarning(pair.facts, Date.now());
  };
  assert.equal(at(-1, 15), null);
  assert.match(at(-1, 13.5) ?? "", /^the certificate expires on \d{4}-\d\d-\d\d, in 13 days$/);
  assert.match(at(-1, 1.5) ?? "", /in 1 day$/);
  assert.match(at(-1, 0.5) ?? "", /within a day$/);
  assert.match(at(-9, -1) ?? "", /^the certificate expired on /);
  assert.match(at(2, 9) ?? "", /^the certificate is not valid before /);
});
