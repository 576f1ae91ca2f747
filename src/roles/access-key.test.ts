import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { systemRandom } from "../adapters/system/random.ts";
import { AccessKeyFile, writeClientConfig } from "./access-key.ts";

const OURS = {
  address: "http://127.0.0.1:8081",
  gateway: "http://127.0.0.1:8080",
  region: "local",
  keyId: "id",
  key: "secret",
};
const OTHER = { address: "http://other", key: "other" };

test("the server's start writes the default profile and leaves the others; another installation's file alone", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-config-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "config.json");
  const read = () => JSON.parse(readFileSync(path, "utf8")) as unknown;
  const write = (content: unknown) =>
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  assert.equal(writeClientConfig(path, OURS), true);
  assert.deepEqual(read(), OURS);
  assert.equal(statSync(path).mode & 0o777, 0o600);

  const mine = { profile: "prod", profiles: { prod: OTHER } };
  write({ ...OURS, address: "http://old", ...mine });
  assert.equal(writeClientConfig(path, OURS), true);
  assert.deepEqual(read(), { ...OURS, ...mine });
  // Only profiles of others: there is room for this one.
  write(mine);
  assert.equal(writeClientConfig(path, OURS), true);
  assert.deepEqual(read(), { ...OURS, ...mine });

  for (const theirs of [OTHER, { ...OTHER, ...mine }, {}, "no json"]) {
    write(theirs);
    const before = readFileSync(path, "utf8");
    assert.equal(writeClientConfig(path, OURS), false);
    assert.equal(readFileSync(path, "utf8"), before);
  }
});

test("a rotation reaches every profile that has the key, and no other; one that was cut short is mended by the next start", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-config-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [path, keyFile] = [join(folder, "config.json"), join(folder, "access-key.json")];
  const read = () => JSON.parse(readFileSync(path, "utf8")) as unknown;
  const file = new AccessKeyFile(keyFile, path, systemRandom);
  const { id, secret } = file.read();
  const own = { ...OURS, keyId: id, key: secret };
  const here = { address: OURS.address, key: secret };
  writeFileSync(path, JSON.stringify({ ...OTHER, profile: "here", profiles: { here, prod: OTHER } }));
  file.rotate("the-second-secret-of-it", null);
  const moved = { here: { ...here, key: "the-second-secret-of-it" }, prod: OTHER };
  assert.deepEqual(read(), { ...OTHER, profile: "here", profiles: moved });

  writeFileSync(path, JSON.stringify(own));
  const now = { ...own, key: "the-second-secret-of-it" };
  assert.equal(writeClientConfig(path, now), true);
  assert.deepEqual(read(), now);
});
