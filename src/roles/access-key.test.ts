import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { writeClientConfig } from "./access-key.ts";

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
