import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChangeKind, classifyChange } from "./classify.ts";
import { mergeDocuments } from "./merge.ts";
import { parseSpec } from "./parse.ts";

const stored = parseSpec({
  name: "echo",
  token: "t",
  processor_type: "python",
  processor_path: "/code",
  processor_entry: "app.py",
  model_path: "/model",
  labels: { a: "1", b: "2" },
  metadata: { instance: 2, group: "g" },
});

const CASES: readonly (readonly [name: string, update: object, kind: ChangeKind])[] = [
  ["nothing given", {}, "nothing"],
  ["the default, said aloud", { "metadata.rpc.keepalive": 5000, "metadata.memory": 1000 }, "nothing"],
  ["labels in another order", { labels: { b: "2", a: "1" } }, "nothing"],
  ["a field that does nothing here", { "metadata.gpu": 1 }, "nothing"],
  ["an entry spelled otherwise", { processor_entry: "./app.py" }, "nothing"],
  ["more instances", { "metadata.instance": 5 }, "scale"],
  ["no instance", { "metadata.instance": 0 }, "scale"],
  ["a label", { "labels.a": "2" }, "in-place"],
  ["one label less", { "labels.a": null }, "in-place"],
  ["the token", { token: "u" }, "in-place"],
  ["the traffic state", { "metadata.traffic_state": "standalone" }, "in-place"],
  ["the grace", { "metadata.eas.termination_grace_period": 5 }, "in-place"],
  ["crash block", { "runtime.enable_crash_block": true }, "in-place"],
  ["a label and more instances", { "labels.a": "2", "metadata.instance": 5 }, "in-place"],
  ["a limit", { "networking.gateway_policy.rate_limit": { enable: true, limit: 5 } }, "in-place"],
  ["a limit that is not in force", { "networking.gateway_policy.rate_limit": { limit: 5 } }, "nothing"],
  ["the limit of an instance", { "metadata.rpc.rate_limit": 5 }, "new-version"],
  ["cores", { "metadata.cpu": 2 }, "new-version"],
  ["memory", { "metadata.memory": 2000 }, "new-version"],
  ["workers", { "metadata.rpc.worker_threads": 6 }, "new-version"],
  ["queue", { "metadata.rpc.max_queue_size": 1 }, "new-version"],
  ["check of bodies", { "networking.gateway_policy.body_digest": "ignore" }, "in-place"],
  ["keepalive", { "metadata.rpc.keepalive": 1 }, "new-version"],
  ["the model", { model_path: "/other" }, "new-version"],
  ["no model", { model_path: null }, "new-version"],
  ["the model's entry", { model_entry: "a" }, "new-version"],
  ["the model's config", { model_config: { a: 1 } }, "new-version"],
  ["a warm-up", { warm_up_data_path: "/w.txt" }, "new-version"],
  ["the code", { processor_path: "http://a/b.zip" }, "new-version"],
  ["the entry", { processor_entry: "b.py" }, "new-version"],
  ["another processor", { processor: "pmml", processor_type: null }, "new-version"],
  ["model, label and count", { model_path: "/o", "labels.a": "3", "metadata.instance": 9 }, "new-version"],
];

for (const [name, update, kind] of CASES) {
  test(`${name}: ${kind}`, () => {
    const after = parseSpec(mergeDocuments(stored.document, update));
    assert.equal(classifyChange(stored.spec, after.spec), kind);
    assert.equal(classifyChange(after.spec, stored.spec), kind);
    assert.equal(classifyChange(after.spec, after.spec), "nothing");
  });
}
