import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readClaim } from "./claim.ts";
import { type SignedParts, sha256, signatureOf } from "./signature.ts";

interface Recorded {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly [string, string][];
  readonly body: string;
}

const SECRET = "hunter2";
/** Requests of the Python SDK alibabacloud-eas20210701 7.0.0, as they came over the wire. */
const RECORDED: Recorded[] = JSON.parse(
  readFileSync(new URL("./fixtures/signed-by-sdk.json", import.meta.url), "utf8"),
);

function partsOf({ method, target, headers }: Recorded): SignedParts {
  const all = new Map(headers);
  return { method, target, header: (name) => all.get(name), headerNames: [...all.keys()] };
}

for (const recorded of RECORDED) {
  test(`${recorded.method} ${recorded.target.slice(0, 40)}: as the SDK signed it`, () => {
    const parts = partsOf(recorded);
    const claim = readClaim(parts.header("authorization")!);
    assert(claim !== null);
    assert.equal(signatureOf(claim, parts, SECRET), claim.signature);
    assert.equal(parts.header("x-acs-content-sha256"), sha256(recorded.body));
    assert.notEqual(signatureOf(claim, parts, "hunter3"), claim.signature);
    const elsewhere = { ...parts, target: `${parts.target}x` };
    assert.notEqual(signatureOf(claim, elsewhere, SECRET), claim.signature);
    for (const name of ["x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"]) {
      const changed = { ...parts, header: (of: string) => (of === name ? "other" : parts.header(of)) };
      assert.notEqual(signatureOf(claim, changed, SECRET), claim.signature, name);
    }
  });
}

test("the older form signs names, x-acs headers and the resource", () => {
  const headers = new Map([
    ["accept", "application/json"],
    ["content-type", "application/json; charset=utf-8"],
    ["date", "Thu, 06 Feb 2020 07:32:54 GMT"],
    ["x-acs-version", "2021-07-01"],
    ["x-acs-action", "ListServices"],
    ["host", "localhost"],
  ]);
  const text =
    "GET\napplication/json\n\napplication/json; charset=utf-8\nThu, 06 Feb 2020 07:32:54 GMT\nx-acs-action:ListServices\nx-acs-version:2021-07-01\n/api/v2/services?Empty&Filter=a b";
  const signature = createHmac("sha1", SECRET).update(text).digest("base64");
  const claim = readClaim(`acs LTAI5tExample:${signature}`);
  assert(claim !== null);
  const parts = {
    method: "GET",
    target: "/api/v2/services?Filter=a%20b&Empty=",
    header: (name: string) => headers.get(name),
    headerNames: [...headers.keys()],
  };
  assert.equal(signatureOf(claim, parts, SECRET), signature);
});

const HEX = "a".repeat(64);
for (const [what, header] of [
  ["nothing", ""],
  ["another scheme", "Bearer abc"],
  ["no credential", `ACS3-HMAC-SHA256 SignedHeaders=host,Signature=${HEX}`],
  ["no headers", `ACS3-HMAC-SHA256 Credential=a,Signature=${HEX}`],
  ["a header with a line end", `ACS3-HMAC-SHA256 Credential=a,SignedHeaders=ho\nst,Signature=${HEX}`],
  ["a short signature", "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=aa"],
  ["very many headers", `ACS3-HMAC-SHA256 Credential=a,SignedHeaders=${"a;".repeat(100)}a,Signature=${HEX}`],
  ["the older form, without a signature", "acs key:"],
  ["the older form, in hex", `acs key:${HEX}`],
] as const) {
  test(`no claim: ${what}`, () => assert.equal(readClaim(header), null));
}
