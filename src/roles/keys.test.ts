import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { systemRandom } from "../adapters/system/random.ts";
import type { AccessKeyRecord } from "../core/access/access-key.ts";
import { AccessKeyFile } from "./access-key.ts";
import { BadSealingKey, openSealer } from "./sealing-key.ts";

let dir: string;
let serial = 0;
before(() => {
  dir = mkdtempSync(join(tmpdir(), "sluice-keys-"));
});
after(() => rmSync(dir, { recursive: true, force: true }));
const newPath = () => join(dir, `${++serial}.json`);
const none = new Map<string, AccessKeyRecord>();
const sealed = (text: string) =>
  new Map([["k", { secret: { sha256: "", sealed: text }, olderSecret: null } as AccessKeyRecord]]);

test("the sealing key is made once, for the owner only, and opens what it sealed and nothing else", () => {
  const path = newPath();
  const first = openSealer(path, systemRandom, none);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const text = first.seal("s3cret", "k");
  assert(!text.includes("s3cret"));
  assert.notEqual(first.seal("s3cret", "k"), text);
  const again = openSealer(path, systemRandom, sealed(text));
  assert.equal(again.unseal(text, "k"), "s3cret");
  assert.equal(again.unseal(text, "l"), null, "sealed for another access key");
  for (let at = 0; at < text.length; at++) {
    const changed = `${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`;
    const found = again.unseal(changed, "k");
    // The last characters of base64 may hold bits that say nothing.
    assert(
      found === null ||
        Buffer.from(changed.slice(13), "base64").equals(Buffer.from(text.slice(13), "base64")),
    );
  }
  for (const broken of ["", ".", `${again.id}.`, `${again.id}.AAAA`, "no"])
    assert.equal(again.unseal(broken, "k"), null);
});

test("a sealing key that is missing or another one is told, with what to do; an empty file says that it is lost", () => {
  const path = newPath();
  const keys = sealed(openSealer(newPath(), systemRandom, none).seal("s", "k"));
  assert.throws(
    () => openSealer(path, systemRandom, keys),
    (error) => {
      assert(error instanceof BadSealingKey);
      assert.match(
        error.message,
        new RegExp(`${path} is missing, .* put that file back. If it is lost for good, leave an empty file`),
      );
      return true;
    },
  );
  openSealer(path, systemRandom, none);
  assert.throws(() => openSealer(path, systemRandom, keys), /holds another key/);
  writeFileSync(path, "{}");
  assert.throws(() => openSealer(path, systemRandom, keys), /does not hold a sealing key/);
  writeFileSync(path, "");
  const fresh = openSealer(path, systemRandom, keys);
  assert.equal(fresh.unseal(keys.get("k")!.secret.sealed, "k"), null);
  assert.equal(openSealer(path, systemRandom, keys).id, fresh.id, "and the next start takes it so");
});

test("the own key is rotated in its file and in the client's file of the home, and in no other's", () => {
  const [path, config, other] = [newPath(), newPath(), newPath()];
  const file = new AccessKeyFile(path, config, systemRandom);
  const first = file.read();
  writeFileSync(config, JSON.stringify({ address: "http://here", key: first.secret, keyId: first.id }));
  chmodSync(config, 0o600);
  file.rotate("the-new-secret-of-it", 5000);
  const kept = new AccessKeyFile(path, config, systemRandom).read();
  assert.deepEqual(kept, {
    id: first.id,
    secret: "the-new-secret-of-it",
    older: { secret: first.secret, validUntilMs: 5000 },
  });
  assert.deepEqual(JSON.parse(readFileSync(config, "utf8")), {
    address: "http://here",
    key: kept.secret,
    keyId: first.id,
  });
  assert.deepEqual([statSync(path).mode & 0o777, statSync(config).mode & 0o777], [0o600, 0o600]);
  writeFileSync(other, JSON.stringify({ address: "http://there", key: "another's" }));
  new AccessKeyFile(path, other, systemRandom).rotate("the-third-secret-of-it", null);
  assert.equal(JSON.parse(readFileSync(other, "utf8")).key, "another's");
  assert.equal(new AccessKeyFile(path, other, systemRandom).read().older, null);
  writeFileSync(path, '{"id": "x", "secret": "short"}');
  assert.throws(
    () => new AccessKeyFile(path, config, systemRandom),
    (error) => {
      assert(error instanceof Error && error.message.includes(path) && !error.message.includes("short"));
      return true;
    },
  );
});
