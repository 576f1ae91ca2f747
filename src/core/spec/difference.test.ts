import assert from "node:assert/strict";
import { test } from "node:test";
import { differencesOf } from "./difference.ts";

test("field by field, lists whole, with what was not there", () => {
  const found = differencesOf(
    {
      metadata: { name: "a", cpu: 1, rpc: { keepalive: 5 } },
      features: { a: "1" },
      metrics: [{ name: "x" }],
    },
    { metadata: { name: "a", cpu: 2 }, features: { a: "1", b: "2" }, metrics: [{ name: "y" }], labels: {} },
  );
  assert.deepEqual(found, [
    { path: "$.metadata.cpu", from: "1", to: "2" },
    { path: "$.metadata.rpc.keepalive", from: "5", to: null },
    { path: "$.features.b", from: null, to: '"2"' },
    { path: "$.metrics", from: '[{"name":"x"}]', to: '[{"name":"y"}]' },
  ]);
});

test("a secret is never shown, wherever it is", () => {
  const before = { token: "secret-1", containers: [{ env: [{ name: "KEY", value: "secret-2" }] }] };
  const after = { token: "secret-3", containers: [{ env: [{ name: "KEY", value: "secret-4" }] }] };
  const found = differencesOf(before, after);
  assert.deepEqual(
    found.map((f) => f.path),
    ["$.token", "$.containers"],
  );
  assert.doesNotMatch(JSON.stringify(found), /secret-/);
  assert.match(JSON.stringify(differencesOf({}, { dockerAuth: "secret-5" })), /\*\*\*/);
});

test("user, password and query of an address are not shown either", () => {
  const before = {
    model_path: "https://u:secret-1@h/m.zip",
    model_config: { from: "http://h/?sig=secret-2" },
  };
  const after = {
    model_path: "https://u:secret-3@h/n.zip",
    model_config: { from: "http://h/?sig=secret-4" },
  };
  const found = differencesOf(before, after);
  assert.deepEqual(found[0], {
    path: "$.model_path",
    from: '"https://***@h/m.zip"',
    to: '"https://***@h/n.zip"',
  });
  assert.doesNotMatch(JSON.stringify(found), /secret-/);
});

test("a long value is cut; equal documents differ nowhere", () => {
  const [long] = differencesOf({}, { model_config: "x".repeat(5000) });
  assert.ok(long!.to!.length < 250);
  const document = { metadata: { cpu: 1 }, labels: { b: "1", a: "2" } };
  assert.deepEqual(differencesOf(document, { labels: { a: "2", b: "1" }, metadata: { cpu: 1 } }), []);
});
