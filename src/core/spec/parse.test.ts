import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSpec } from "./parse.ts";
import type { ParsedSpec } from "./service-spec.ts";

const pmml = {
  name: "pmml_prod",
  processor: "pmml",
  model_path: "/models/a.pmml",
  metadata: { instance: 4 },
};
const python = {
  processor_type: "python",
  processor_path: "/code",
  processor_entry: "./app.py",
  metadata: { name: "echo", instance: 1 },
};

/** `pmml` with other fields in `metadata`. */
const withMetadata = (metadata: object) => ({ ...pmml, metadata: { instance: 4, ...metadata } });

test("the seeds' PMML service gets the documented defaults", () => {
  const parsed = parseSpec({ ...pmml, metadata: { cpu: 1, instance: 4, group: "pmml" } });
  assert.deepEqual(parsed, {
    spec: {
      name: "pmml_prod",
      group: "pmml",
      trafficState: "grouping",
      instanceCount: 4,
      cpu: 1,
      isCpuAsked: true,
      memoryMb: 1000,
      token: null,
      processor: { kind: "builtin", code: "pmml", family: "pmml" },
      model: { source: { kind: "path", path: "/models/a.pmml" }, entry: null, config: null },
      warmUp: null,
      rpc: { workerThreads: 5, maxQueueSize: 64, keepaliveMs: 5000 },
      labels: {},
      isBodyChecked: true,
      protocol: "both",
      isCrashBlocked: false,
      terminationGraceMs: 30_000,
      isSigtermSent: false,
      rolling: { surge: { kind: "percent", percent: 2 }, unavailable: { kind: "count", count: 0 } },
      policy: null,
    },
    document: {
      metadata: { name: "pmml_prod", instance: 4, group: "pmml", cpu: 1 },
      processor: "pmml",
      model_path: "/models/a.pmml",
    },
    notEffective: [],
  } as unknown as ParsedSpec);
});

test("every field that is acted on reaches the spec", () => {
  const { spec, notEffective } = parseSpec({
    ...python,
    processor: "my_own",
    token: "t0ken!",
    model_path: "https://models.example/m.tar.gz",
    model_entry: "./a/b.bin",
    warm_up_data_path: "oss://bucket/warm_up.bin",
    model_config: { depth: 3, nothing: null },
    labels: { "team.name": "x", empty: "" },
    runtime: { enable_crash_block: "true" },
    "networking.gateway_policy.body_digest": "ignore",
    metadata: {
      name: "echo",
      instance: 0,
      cpu: 1.5,
      memory: 512,
      group: "g",
      traffic_state: "standalone",
      "eas.termination_grace_period": 7,
      rpc: { worker_threads: 2, max_queue_size: 0 },
      "rpc.keepalive": 100,
      "rpc.rate_limit": 2.5,
      "rpc.enable_sigterm": "true",
      rolling_strategy: { max_surge: "25%", max_unavailable: 2 },
    },
    "networking.gateway_policy": {
      rate_limit: { enable: true, limit: 50, evaluate: true },
      load_balancing: { policy: "hash", hash_header: "X-User" },
      concurrency_limit: { enable: false, limit: 3 },
      request_limit: { body_bytes: 1000, header_bytes: 512, idle_timeout: 10, total_timeout: 20 },
    },
  });
  assert.deepEqual(notEffective, []);
  assert.deepEqual(spec, {
    name: "echo",
    group: "g",
    trafficState: "standalone",
    instanceCount: 0,
    cpu: 1.5,
    isCpuAsked: true,
    memoryMb: 512,
    token: "t0ken!",
    processor: {
      kind: "custom",
      language: "python",
      source: { kind: "path", path: "/code" },
      entry: "app.py",
    },
    model: {
      source: { kind: "url", url: "https://models.example/m.tar.gz" },
      entry: "a/b.bin",
      config: '{"depth":3,"nothing":null}',
    },
    warmUp: { kind: "url", url: "oss://bucket/warm_up.bin", isFileToo: true },
    rpc: { workerThreads: 2, maxQueueSize: 0, keepaliveMs: 100, rateLimit: 2.5 },
    labels: { "team.name": "x", empty: "" },
    isBodyChecked: false,
    protocol: "http",
    isCrashBlocked: true,
    terminationGraceMs: 7000,
    isSigtermSent: true,
    rolling: { surge: { kind: "percent", percent: 25 }, unavailable: { kind: "count", count: 2 } },
    policy: {
      rate: { limit: 50, isEvaluated: true },
      concurrency: null,
      request: { bodyBytesMax: 1000, headBytesMax: 512, idleMs: 10, totalMs: 20 },
      balancing: { kind: "hash", by: { kind: "header", name: "x-user" } },
    },
  });
});

test("memory without a value is 1000 MB for each started core", () => {
  assert.equal(parseSpec(withMetadata({ cpu: 2.5 })).spec.memoryMb, 3000);
  assert.equal(parseSpec(withMetadata({ cpu: 0.25 })).spec.memoryMb, 1000);
});

test("a text as model_config is passed on as it is", () => {
  assert.equal(parseSpec({ ...pmml, model_config: '{"a": 1}' }).spec.model.config, '{"a": 1}');
});

test("null, and an empty text in a field that could be absent, mean not given", () => {
  const { spec, document } = parseSpec({
    ...pmml,
    processor_type: "",
    processor_path: "",
    model_entry: "",
    model_config: "",
    token: null,
    labels: {},
    queue: { unheard_of: null },
    metadata: { instance: 4, group: "", qos: "", cpu: null, rpc: null, rolling_strategy: { max_surge: "" } },
  });
  const { metadata, labels, queue, ...rest } = document;
  assert.deepEqual(
    { ...rest, metadata, labels, queue },
    {
      processor: "pmml",
      model_path: "/models/a.pmml",
      metadata: { name: "pmml_prod", instance: 4, rolling_strategy: {} },
      labels: {},
      queue: {},
    },
  );
  assert.deepEqual(spec, parseSpec(pmml).spec);
});

test("what is not known in full keeps the names that are not known", () => {
  const { document, notEffective } = parseSpec({
    ...pmml,
    queue: { unheard_of: 1, cpu: 2 },
    "metadata.eas.x.y": 3,
  });
  assert.deepEqual(document.queue, { unheard_of: 1, cpu: 2 });
  assert.deepEqual((document.metadata as { eas: object }).eas, { "x.y": 3 });
  assert.deepEqual(notEffective.map((field) => field.path).toSorted(), ["$.queue", '$["metadata.eas.x.y"]']);
});

test("known fields that do nothing here are named as the user spelled them, blocks as a whole", () => {
  const { notEffective } = parseSpec({
    ...pmml,
    generate_token: "true",
    cloud: { computing: { instances: [{ type: "ecs.c7.large", capacity: "20%" }] } },
    "networking.gateway": "gw-1",
    containers: [{ image: "i:1", port: 8000 }],
    metadata: { instance: 4, gpu: 1, "rpc.io_threads": 4, rpc: { batching: false }, type: "Async" },
  });
  assert.deepEqual(notEffective.map((field) => field.path).toSorted(), [
    "$.cloud",
    "$.containers",
    "$.generate_token",
    "$.metadata.gpu",
    "$.metadata.rpc.batching",
    "$.metadata.type",
    '$.metadata["rpc.io_threads"]',
    '$["networking.gateway"]',
  ]);
});

test("a file:// URL names a file of this machine", () => {
  for (const url of ["file:///models/a%20b.pmml", "file://localhost/models/a%20b.pmml"]) {
    assert.deepEqual(parseSpec({ ...pmml, model_path: url }).spec.model.source, {
      kind: "path",
      path: "/models/a b.pmml",
    });
  }
});

test("a warm-up is named like a model; an empty name is none", () => {
  const of = (warm_up_data_path: string) => parseSpec({ ...pmml, warm_up_data_path }).spec.warmUp;
  assert.equal(of(""), null);
  assert.deepEqual(of("file:///w/warm.txt"), { kind: "path", path: "/w/warm.txt" });
  const url = "https://host/warm.txt";
  assert.deepEqual(of(url), { kind: "url", url, isFileToo: true });
});

test("the given document is not changed, and shares nothing with the result", () => {
  const given = { ...pmml, labels: { a: "b" }, model_config: { list: [{ a: 1 }] }, "metadata.cpu": 2 };
  const before = structuredClone(given);
  const { document } = parseSpec(given);
  assert.deepEqual(given, before);
  given.labels.a = "changed";
  given.model_config.list[0]!.a = 2;
  assert.deepEqual(document.labels, { a: "b" });
  assert.deepEqual(document.model_config, { list: [{ a: 1 }] });
});

test("batches are for processors that can take them; compressed bodies for all", () => {
  const rpc = { batching: true, max_batch_size: 8, decompressor: "lz4" };
  const metadata = { ...python.metadata, rpc };
  const own = parseSpec({ ...python, metadata });
  assert.deepEqual(own.notEffective, []);
  assert.deepEqual(own.spec.rpc.batching, { sizeMax: 8, waitMsMax: 50 });
  assert.equal(own.spec.rpc.decompressor, "lz4");
  const off = parseSpec({ ...python, metadata: { ...metadata, rpc: { ...rpc, batching: false } } });
  assert.equal(off.spec.rpc.batching, undefined);

  const builtin = parseSpec(withMetadata({ rpc }));
  assert.deepEqual(
    builtin.notEffective.map((field) => field.path),
    ["$.metadata.rpc.batching", "$.metadata.rpc.max_batch_size"],
  );
  assert.equal(builtin.spec.rpc.batching, undefined);
  assert.equal(builtin.spec.rpc.decompressor, "lz4");

  for (const processor of ["sklearn", "onnx_cu12", "tensorflow_cpu_1.15", "caffe_cpu"]) {
    const ready = parseSpec({ ...withMetadata({ rpc }), processor });
    const sizes = processor === "caffe_cpu" ? undefined : { sizeMax: 8, waitMsMax: 50 };
    assert.deepEqual(ready.spec.rpc.batching, sizes, processor);
    assert.deepEqual(ready.notEffective, sizes ? [] : builtin.notEffective, processor);
  }
});
