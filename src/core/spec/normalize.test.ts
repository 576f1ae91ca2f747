import assert from "node:assert/strict";
import { test } from "node:test";
import { ALIASES } from "./field-tree.ts";
import { normalize } from "./normalize.ts";

/** The canonical document, when nothing is wrong with the given one. */
function opened(document: unknown): unknown {
  const { document: result, problems } = normalize(document);
  assert.deepEqual(problems, []);
  return result;
}

/** A nested object with one value in it; `name[]`: a list with one item. */
const at = (dotted: string, value: unknown): unknown =>
  dotted
    .split(".")
    .reduceRight(
      (inner: unknown, name) => (name.endsWith("[]") ? { [name.slice(0, -2)]: [inner] } : { [name]: inner }),
      value,
    );

for (const [from, to] of Object.entries(ALIASES)) {
  test(`${from} is ${to}, nested and dotted`, () => {
    const value = ["rpc", "scheduling"].includes(from) || to.endsWith("scaler") ? {} : "x";
    assert.deepEqual(opened(at(from, value)), at(to, value));
    // No key leads into a list.
    if (!from.includes("[]")) assert.deepEqual(opened({ [from]: value }), at(to, value));
  });
}

test("dots open at any depth, in objects inside of lists too, and through aliases", () => {
  assert.deepEqual(
    opened({
      "metadata.rpc": { worker_threads: 1 },
      metadata: { "rpc.keepalive": 2, "rolling_strategy.max_surge": 3, "eas.termination_grace_period": 4 },
      "rpc.io_threads": 5,
      "metadata.batching.max_batch_size": 6,
      "metadata.batching": true,
      containers: [
        { image: "i", "prepare.pythonRequirementsPath": "r", startup_check: { "http_get.port": 7 } },
      ],
    }),
    {
      metadata: {
        rpc: { worker_threads: 1, keepalive: 2, io_threads: 5, max_batch_size: 6, batching: true },
        rolling_strategy: { max_surge: 3 },
        eas: { termination_grace_period: 4 },
      },
      containers: [
        { image: "i", prepare: { pythonRequirementsPath: "r" }, startup_check: { http_get: { port: 7 } } },
      ],
    },
  );
});

test("names of the user's own stay whole", () => {
  assert.deepEqual(
    opened({
      labels: { "a.b": "1" },
      "labels.c.d": "2",
      "features.eas.aliyun.com/extra-ephemeral-storage": "100Gi",
      model_config: { "x.y": { "z.w": 1 } },
      "options.enable_cache": true,
      containers: [{ image: "i", env: [{ name: "A.B", value: "c.d" }] }],
      autoscaler: { strategies: { "queue[avgbacklog]": 3, "custom[a.b]": 1 } },
    }),
    {
      labels: { "a.b": "1", "c.d": "2" },
      features: { "eas.aliyun.com/extra-ephemeral-storage": "100Gi" },
      model_config: { "x.y": { "z.w": 1 } },
      options: { enable_cache: true },
      containers: [{ image: "i", env: [{ name: "A.B", value: "c.d" }] }],
      autoscaler: { strategies: { "queue[avgbacklog]": 3, "custom[a.b]": 1 } },
    },
  );
});

test("the same value twice is no conflict; another one is, told at its second place with its first", () => {
  assert.deepEqual(opened({ name: "a", metadata: { name: "a" }, "metadata.name": "a" }), {
    metadata: { name: "a" },
  });
  assert.deepEqual(opened({ "cloud.logging.paths": ["a"], cloud: { logging: { paths: ["a"] } } }), {
    cloud: { logging: { paths: ["a"] } },
  });
  const cases: readonly (readonly [document: object, path: string, first: string])[] = [
    [{ name: "a", "metadata.name": "b" }, '$["metadata.name"]', "$.name"],
    [{ metadata: { cpu: 1 }, "metadata.cpu": 2 }, '$["metadata.cpu"]', "$.metadata.cpu"],
    [
      { metadata: { workers: 1, "rpc.worker_threads": 2 } },
      '$.metadata["rpc.worker_threads"]',
      "$.metadata.workers",
    ],
    [{ labels: { a: "1" }, "labels.a": "2" }, '$["labels.a"]', "$.labels.a"],
    [{ model_config: "text", "model_config.a": 1 }, '$["model_config.a"]', "$.model_config"],
    [{ "model_config.a": 1, model_config: "text" }, "$.model_config", '$["model_config.a"]'],
    [
      { storage: [{ "oss.path": "a", oss: { path: "b" } }] },
      "$.storage[0].oss.path",
      '$.storage[0]["oss.path"]',
    ],
  ];
  for (const [document, path, first] of cases) {
    assert.deepEqual(normalize(document).problems, [
      { path, found: `another value than at ${first}`, allowed: "one value: both are the same field" },
    ]);
  }
});

test("a path leads back to how it was spelled, also below and beside what was written", () => {
  const { origins } = normalize({
    name: "a",
    "metadata.rpc": { keepalive: 1 },
    metadata: { "rpc.io_threads": 2 },
    containers: [{ "prepare.pythonRequirements": ["x"] }],
    "a strange name": 1,
  });
  const spelled = (...steps: (string | number)[]) => origins.spelled(steps);
  assert.equal(spelled("metadata", "name"), "$.name");
  assert.equal(spelled("metadata", "rpc", "keepalive"), '$["metadata.rpc"].keepalive');
  assert.equal(spelled("metadata", "rpc", "io_threads"), '$.metadata["rpc.io_threads"]');
  assert.equal(spelled("metadata", "instance"), "$.metadata.instance");
  assert.equal(
    spelled("containers", 0, "prepare", "pythonRequirements", 0),
    '$.containers[0]["prepare.pythonRequirements"][0]',
  );
  assert.equal(spelled("containers", 0, "image"), "$.containers[0].image");
});
