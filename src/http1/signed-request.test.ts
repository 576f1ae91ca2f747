import assert from "node:assert/strict";
import { test } from "node:test";
import { isHmacSha1, Md5 } from "../base/message-digest.ts";
import { MessageHead } from "./message-head.ts";
import { parseRequestHead } from "./request-head.ts";
import { readSignature } from "./signed-request.ts";

const KEY = "NjZhYzQ5ZTBkMmM0ZjM=";
const DATE = "Sat, 21 Nov 2026 23:04:05 GMT";

function read(lines: readonly string[]) {
  const head = new MessageHead();
  const bytes = Buffer.from(`${[...lines, "Host: h", "", ""].join("\r\n")}`, "latin1");
  assert.equal(parseRequestHead(head, bytes, 0, bytes.length), bytes.length);
  return readSignature(head, bytes);
}

const isFrom = (key: string, lines: readonly string[]) => {
  const signed = read(lines);
  return signed?.texts.some((text) => isHmacSha1(signed.signature, text, [Buffer.from(key)])) ?? false;
};

/**
 * Requests as the SDKs send them (eas-reference §7.2 to §7.5). The signatures were computed apart from this program,
 * with Python's hmac and hashlib.
 */
const VECTORS = {
  "Python: the path is that of the name": [
    "POST /api/predict/echo HTTP/1.1",
    "Content-MD5: bd1b2a7ffc8ccdc60fc3c87d0ca9b587",
    `Date: ${DATE}`,
    "Content-Type: application/octet-stream",
    "Content-Length: 15",
    "Authorization: EAS y1YKhdt1mP4rYJECJeT/Ui8Ml/o=",
  ],
  "Go: the path is signed before it is escaped, and names are spelled otherwise": [
    "POST /api/predict/echo/v1/a%20b HTTP/1.1",
    "Authorization: EAS cqd+oicGSIh4z+jUqXswzbzKbnM=",
    "Content-Md5: 5d41402abc4b2a76b9719d911017c592",
    "Content-Type: application/octet-stream",
    `Date: ${DATE}`,
  ],
  "Java: a digest without its leading zeros, and a query": [
    "POST /api/predict/g.echo/v1/x?a=b+c&d=%2F HTTP/1.1",
    "Content-MD5: 277a98d4b074d0883c0e3b204ad7af",
    `Date: ${DATE}`,
    "Content-Type: application/json",
    "Authorization: EAS FuVksC66x7nlpK6qgRhBmQoUEPY=",
  ],
  "nothing but a method and a path": [
    "GET /api/predict/echo HTTP/1.1",
    "Authorization: eas  wZbXSUMGDldIJp9QA1j6fVawucc=",
  ],
};

for (const [name, lines] of Object.entries(VECTORS)) {
  test(`signed by ${name}`, () => {
    assert.ok(isFrom(KEY, lines));
    assert.ok(!isFrom(`${KEY}x`, lines), "another key");
    assert.ok(!isFrom(KEY, [lines[0]!.replace("echo", "ohce"), ...lines.slice(1)]), "another path");
    assert.ok(!isFrom(KEY, [lines[0]!.replace(/^\w+/, "PUT"), ...lines.slice(1)]), "another method");
    for (const field of ["Content-MD5", "Content-Type", "Date"]) {
      const others = lines.filter((l) => !l.toLowerCase().startsWith(`${field.toLowerCase()}:`));
      assert.ok(!isFrom(KEY, [...others, `${field}: another`]), `another ${field}`);
      if (others.length < lines.length)
        assert.equal(read([...lines, `${field}: x`]), null, `two of ${field}`);
    }
  });
}

test("what is no signature is none", () => {
  const [start = "", ...others] = VECTORS["Python: the path is that of the name"];
  const fields = others.filter((l) => !l.startsWith("Authorization"));
  for (const value of ["", "EAS", "EASy1YKhdt1mP4rYJECJeT/Ui8Ml/o=", "Bearer y1YK", `EAS ${"a".repeat(65)}`])
    assert.equal(read([start, ...fields, `Authorization: ${value}`]), null, value);
  for (const value of ["EAS x", "EAS y1YKhdt1mP4rYJECJeT/Ui8Ml/", "EAS !!!!"])
    assert.ok(!isFrom(KEY, [start, ...fields, `Authorization: ${value}`]), value);
  assert.equal(read([start, ...others, "Authorization: x"]), null, "two of Authorization");
});

test("a digest is compared as a number, whatever pieces the body came in", () => {
  const body = Buffer.from("body 303");
  const isDigest = (hex: string, ...cuts: number[]) => {
    const md5 = new Md5();
    let from = 0;
    for (const to of [...cuts, body.length]) {
      md5.add(body, from, to);
      from = to;
    }
    return md5.isHex(hex);
  };
  for (const good of ["277a98d4b074d0883c0e3b204ad7af", "00277A98d4b074d0883c0e3b204ad7af"]) {
    assert.ok(isDigest(good));
    assert.ok(isDigest(good, 3, 3, 7));
  }
  for (const bad of [
    "",
    "0",
    "277a98d4b074d0883c0e3b204ad7a",
    "277a98d4b074d0883c0e3b204ad7af0",
    "J3qY1LB00Ig8Djs",
  ])
    assert.ok(!isDigest(bad), bad);
});
