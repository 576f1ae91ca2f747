import assert from "node:assert/strict";
import { test } from "node:test";
import { type Problem, ServingError } from "../errors.ts";
import { parseSpec } from "./parse.ts";

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

function problemsOf(document: unknown): readonly Problem[] {
  try {
    parseSpec(document);
  } catch (error) {
    assert.ok(error instanceof ServingError, String(error));
    assert.equal(error.code, "INVALID_SPEC");
    assert.equal(error.status, 400);
    return (error as ServingError<"INVALID_SPEC">).facts.problems;
  }
  return assert.fail(`accepted: ${JSON.stringify(document)}`);
}

/** Bad documents: each with the paths that must be named, and a word that the allowed part must hold. */
const BAD: readonly (readonly [
  name: string,
  document: unknown,
  paths: readonly string[],
  allowed: RegExp,
])[] = [
  ["no document", undefined, ["$"], /JSON object/],
  ["null", null, ["$"], /JSON object/],
  ["a list", [pmml], ["$"], /JSON object/],
  ["a text", "{}", ["$"], /JSON object/],
  ["a Map", new Map(Object.entries(pmml)), ["$"], /JSON object/],
  ["nothing in it", {}, ["$.metadata.name", "$.metadata.instance", "$.processor"], /pmml/],
  ["no instance count", { ...pmml, metadata: {} }, ["$.metadata.instance"], /0 to 1000/],
  [
    "gRPC behind the engine of a processor of one's own",
    {
      ...{ processor_type: "python", processor_path: "/p", processor_entry: "app.py" },
      metadata: { name: "a", instance: 1, enable_grpc: true },
    },
    ["$.metadata.enable_grpc"],
    /program of its own/,
  ],
  ["instance −1", withMetadata({ instance: -1 }), ["$.metadata.instance"], /0 to 1000/],
  ["instance 100000", withMetadata({ instance: 100_000 }), ["$.metadata.instance"], /0 to 1000/],
  ["instance 1.5", withMetadata({ instance: 1.5 }), ["$.metadata.instance"], /whole number/],
  ["instance as text", withMetadata({ instance: "2" }), ["$.metadata.instance"], /without quotes/],
  ["instance as a boolean", withMetadata({ instance: true }), ["$.metadata.instance"], /whole number/],
  ["dotted", { ...pmml, metadata: {}, "metadata.instance": -1 }, ['$["metadata.instance"]'], /0 to 1000/],
  ["metadata as a list", { ...pmml, metadata: [] }, ["$.metadata", "$.metadata.instance"], /object/],
  ["a name with /", { ...pmml, name: "a/b" }, ["$.name"], /a–z/],
  ["a name with ..", { ...pmml, name: ".." }, ["$.name"], /a–z/],
  ["a name with a dot", { ...pmml, name: "a.b" }, ["$.name"], /a–z/],
  ["a name with a space", { ...pmml, name: "a b" }, ["$.name"], /a–z/],
  ["a name with a line end", { ...pmml, name: "a\n" }, ["$.name"], /a–z/],
  ["an upper-case name", { ...pmml, name: "Abc" }, ["$.name"], /a–z/],
  ["an empty name", { ...pmml, name: "" }, ["$.name"], /a–z/],
  ["200 characters", { ...pmml, name: "a".repeat(200) }, ["$.name"], /1 to 63/],
  ["a number as name", { ...pmml, name: 7 }, ["$.name"], /a–z/],
  ["a bad group", withMetadata({ group: "../g" }), ["$.metadata.group"], /a–z/],
  ["another name twice", withMetadata({ name: "other" }), ["$.metadata.name"], /one value/],
  ["cpu 0", withMetadata({ cpu: 0 }), ["$.metadata.cpu"], /above 0/],
  ["cpu 1025", withMetadata({ cpu: 1025 }), ["$.metadata.cpu"], /at most 1024/],
  ["memory 15", withMetadata({ memory: 15 }), ["$.metadata.memory"], /16 to/],
  ["cpu infinite", withMetadata({ cpu: Infinity }), ["$.metadata.cpu"], /JSON value/],
  ["no worker", withMetadata({ rpc: { worker_threads: 0 } }), ["$.metadata.rpc.worker_threads"], /1 to 1024/],
  [
    "a header's name of a wrong type",
    { ...pmml, networking: { gateway_policy: { load_balancing: { policy: "hash", hash_header: {} } } } },
    ["$.networking.gateway_policy.load_balancing.hash_header"],
    /1 to 64/,
  ],
  [
    "a limit in force without a number",
    { ...pmml, "networking.gateway_policy": { rate_limit: { enable: true } } },
    ['$["networking.gateway_policy"].rate_limit.limit'],
    /whole number from 1/,
  ],
  ["queue", withMetadata({ "rpc.max_queue_size": 1e5 + 1 }), ['$.metadata["rpc.max_queue_size"]'], /100000/],
  ["keepalive 0", withMetadata({ keepalive: 0 }), ["$.metadata.keepalive"], /1 to 86400000/],
  ["rpc as a text", withMetadata({ rpc: "fast" }), ["$.metadata.rpc"], /object/],
  ["traffic state", withMetadata({ traffic_state: "green" }), ["$.metadata.traffic_state"], /"standalone"/],
  [
    "a boolean",
    { ...pmml, runtime: { enable_crash_block: "yes" } },
    ["$.runtime.enable_crash_block"],
    /true or/,
  ],
  ["21 labels", { ...pmml, labels: labels(21) }, ["$.labels"], /at most 20/],
  ["a long label name", { ...pmml, labels: { ["k".repeat(129)]: "" } }, [pathOfLongLabel()], /1 to 128/],
  ["a long label", { ...pmml, labels: { k: "v".repeat(257) } }, ["$.labels.k"], /256/],
  ["a label that is a number", { ...pmml, "labels.k": 1 }, ['$["labels.k"]'], /string/],
  ["labels as a text", { ...pmml, labels: "a=b" }, ["$.labels"], /an object/],
  ["mounts as an object", { ...pmml, storage: { mount_path: "/a" } }, ["$.storage"], /a list/],
  ["a mount that is a text", { ...pmml, storage: ["/a"] }, ["$.storage[0]"], /an object/],
  [
    "an odd percentage",
    withMetadata({ "rolling_strategy.max_surge": "101%" }),
    [pathOfSurge()],
    /or a percentage/,
  ],
  [
    "own path, no type",
    { ...pmml, processor: "mine", processor_path: "/a" },
    ["$.processor_type"],
    /"python"/,
  ],
  [
    "own entry, no type",
    { ...pmml, processor: "mine", processor_entry: "a" },
    ["$.processor_type"],
    /"python"/,
  ],
  [
    "too many values",
    { ...pmml, model_config: Array(50_001).fill(0) },
    ["$.model_config"],
    /at most 50000 values/,
  ],
  ["a misspelt field", { ...pmml, modle_config: "" }, ["$.modle_config"], /mean "model_config"/],
  ["misspelt below", withMetadata({ instnce: 1 }), ["$.metadata.instnce"], /mean "instance"/],
  ["camel case", withMetadata({ trafficState: "grouping" }), ["$.metadata.trafficState"], /"traffic_state"/],
  ["another level", { ...pmml, cpu: 1 }, ["$.cpu"], /metadata\.cpu/],
  ["unlike any", { ...pmml, zzzzzzzzzzz: 1 }, ["$.zzzzzzzzzzz"], /known field/],
  ["unknown dotted", { ...pmml, "metadata.rpc.keepaliv": 1 }, ['$["metadata.rpc.keepaliv"]'], /"keepalive"/],
  ["below a number", { ...pmml, "metadata.cpu.x": 1 }, ['$["metadata.cpu.x"]'], /nothing below/],
  [
    "in a list",
    { ...pmml, storage: [{ mount_path: "/a", git: { repo: "r" }, os: {} }] },
    ["$.storage[0].os"],
    /"oss"/,
  ],
  ["dots only", { ...pmml, "..": 1 }, ['$[".."]'], /known field/],
  ["__proto__", { ...pmml, ...JSON.parse('{"__proto__":{"a":1}}') }, ["$.__proto__"], /known field/],
  ["constructor", { ...pmml, constructor: 1 }, ["$.constructor"], /known field/],
  [
    "__proto__ in labels",
    { ...pmml, labels: JSON.parse('{"__proto__":"x"}') },
    ["$.labels.__proto__"],
    /another/,
  ],
  ["a function", { ...pmml, model_config: () => 1 }, ["$.model_config"], /JSON value/],
  ["too deep", { ...pmml, model_config: nested(40) }, [`$.model_config${"[0]".repeat(33)}`], /32 levels/],
  [
    "a port of ours",
    { ...pmml, containers: [{ image: "i", port: 8080 }] },
    ["$.containers[0].port"],
    /not 8080/,
  ],
  ["an empty image", { ...pmml, containers: [{ image: "" }] }, ["$.containers[0].image"], /not empty/],
  ["a token with a space", { ...pmml, token: "a b" }, ["$.token"], /visible ASCII/],
  ["an empty token", { ...pmml, token: "" }, ["$.token"], /1 to 512/],
  ["a long token", { ...pmml, token: "a".repeat(513) }, ["$.token"], /1 to 512/],
  [
    "images only",
    { ...pmml, processor: "", containers: [{ image: "i" }] },
    ["$.containers[0]"],
    /need the docker runtime/,
  ],
  ["another built-in", { ...pmml, processor: "easyrec-2.4" }, ["$.processor"], /of your own.*"pmml"/],
  ["a misspelt built-in", { ...pmml, processor: "pmlm" }, ["$.processor"], /mean "pmml"/],
  ["custom, no type", { ...python, processor_type: "", processor: "mine" }, ["$.processor_type"], /"python"/],
  ["java", { ...python, processor_type: "java" }, ["$.processor_mainclass"], /com\.example\.Echo/],
  ["ruby", { ...python, processor_type: "ruby" }, ["$.processor_type"], /"python", "java"/],
  [
    "cpp with packages",
    { ...python, processor_type: "cpp", requirements: ["a"] },
    ["$.requirements"],
    /libraries/,
  ],
  [
    "node with packages",
    { ...python, processor_type: "node", requirements: ["a"] },
    ["$.requirements"],
    /node_modules/,
  ],
  [
    "cpp, no entry",
    { ...python, processor_type: "cpp", processor_entry: null },
    ["$.processor_entry"],
    /libecho\.so/,
  ],
  [
    "node, no entry",
    { ...python, processor_type: "node", processor_entry: null },
    ["$.processor_entry"],
    /app\.ts/,
  ],
  ["built-in and own", { ...python, processor: "pmml" }, ["$.processor"], /leave one/],
  ["no entry", { ...python, processor_entry: null }, ["$.processor_entry"], /app\.py/],
  ["no path", { ...python, processor_path: "" }, ["$.processor_path"], /absolute path/],
  ["an entry outside", { ...python, processor_entry: "../a.py" }, ["$.processor_entry"], /inside/],
  ["an absolute entry", { ...pmml, model_entry: "/etc/passwd" }, ["$.model_entry"], /inside/],
  ["no model", { ...pmml, model_path: "" }, ["$.model_path"], /pmml needs a model/],
  ["a relative model", { ...pmml, model_path: "m.pmml" }, ["$.model_path"], /folder of the JSON file/],
  ["home", { ...pmml, model_path: "~/m.pmml" }, ["$.model_path"], /absolute/],
  [
    "oss with a query",
    { ...pmml, model_path: "oss://bucket/m?x=y" },
    ["$.model_path"],
    /oss:\/\/bucket\/key/,
  ],
  ["a relative warm-up", { ...pmml, warm_up_data_path: "w.txt" }, ["$.warm_up_data_path"], /absolute/],
  ["another scheme", { ...pmml, model_path: "ftp://b/m" }, ["$.model_path"], /https/],
  ["file on a host", { ...pmml, model_path: "file://host/m" }, ["$.model_path"], /three slashes/],
  ["not a URL", { ...pmml, model_path: "http://" }, ["$.model_path"], /not a URL/],
  ["NUL", { ...pmml, model_path: "/a\0b" }, ["$.model_path"], /NUL/],
  ["NUL in a URL", { ...pmml, model_path: "file:///a%00b" }, ["$.model_path"], /not a URL/],
];

function labels(count: number): object {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, ""]));
}

function pathOfSurge(): string {
  return '$.metadata["rolling_strategy.max_surge"]';
}

function pathOfLongLabel(): string {
  return `$.labels["${"k".repeat(80)}…"]`;
}

function nested(levels: number): unknown {
  return levels === 0 ? 0 : [nested(levels - 1)];
}

for (const [name, document, paths, allowed] of BAD) {
  test(`refused: ${name}`, () => {
    const problems = problemsOf(document);
    assert.deepEqual(
      problems.map((problem) => problem.path),
      paths,
    );
    assert.ok(
      problems.some((problem) => allowed.test(problem.allowed)),
      JSON.stringify(problems),
    );
    for (const { found } of problems) assert.ok(found.length > 0 && found.length < 100, found);
  });
}

test("all problems are told at once", () => {
  const problems = problemsOf({
    name: "A",
    tokn: "x",
    processor_type: "cpp",
    labels: { a: 1, b: 2 },
    metadata: { instance: -1, cpu: "1", memory: 1, rpc: { keepalive: 0, workers: 3 } },
  });
  assert.deepEqual(problems.map((problem) => problem.path).toSorted(), [
    "$.labels.a",
    "$.labels.b",
    "$.metadata.cpu",
    "$.metadata.instance",
    "$.metadata.memory",
    "$.metadata.rpc.keepalive",
    "$.metadata.rpc.workers",
    "$.name",
    "$.processor_entry",
    "$.processor_path",
    "$.tokn",
  ]);
});

test("at most 100 problems are told", () => {
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`zz${i}`, i]));
  assert.equal(problemsOf(many).length, 100);
  const wrong = {
    ...pmml,
    features: Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f${i}`, i])),
  };
  assert.equal(problemsOf(wrong).length, 100);
});

test("no secret is repeated in a problem", () => {
  const secret = "s3cr3t";
  const documents = [
    { ...pmml, token: `${secret} ` },
    { ...pmml, token: [secret] },
    { ...pmml, tokn: secret },
    { ...pmml, dockerAuth: { a: secret } },
    { ...pmml, metadata: secret },
    { ...pmml, token: "a", "token ": secret },
    { ...pmml, model_path: `ftp://user:${secret}@host/a?Signature=${secret}` },
    { ...pmml, containers: [{ image: "i", env: [{ name: "A", value: { a: secret } }] }] },
    { ...pmml, storage: [{ mount_path: "/a", git: { repo: "r", password: [secret] } }] },
    { ...pmml, confidential: { decryption_key: [secret] } },
  ];
  for (const document of documents) {
    const text = JSON.stringify(problemsOf(document));
    assert.ok(!text.includes(secret), text);
  }
});
