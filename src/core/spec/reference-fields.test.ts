import assert from "node:assert/strict";
import { test } from "node:test";
import type { FieldRow } from "../../testing/field-rows.ts";
import { REFERENCE_FIELDS } from "../../testing/reference-fields.ts";
import { ServingError } from "../errors.ts";
import { ALIASES, FIELD_TREE, type FieldNode } from "./field-tree.ts";
import { jsonPath, type Steps } from "./json-path.ts";
import { isObject } from "./json-value.ts";
import { parseSpec } from "./parse.ts";
import type { Json, JsonObject } from "./service-spec.ts";
import { RUNTIMES, type Runtime, standingOf } from "./standing.ts";

const OWN: JsonObject = { processor_type: "python", processor_path: "/code", processor_entry: "app.py" };

/** Names and places: `a[].b` is a, the first of it, b. */
const stepsOf = (path: string): Steps =>
  path.split(".").flatMap((name) => (name.endsWith("[]") ? [name.slice(0, -2), 0] : [name]));

function put(into: Json | undefined, [step, ...rest]: Steps, value: Json): Json {
  if (step === undefined) return value;
  if (typeof step === "number") {
    const [first, ...others] = (into ?? []) as readonly Json[];
    return [put(first, rest, value), ...others];
  }
  const object = isObject(into) ? (into as JsonObject) : {};
  return { ...object, [step]: put(object[step], rest, value) };
}

function documentOf({ path, beside }: FieldRow, value: Json): JsonObject {
  const isServer = path.startsWith("containers");
  const { metadata, ...others } = beside;
  const base: JsonObject = {
    ...(isServer ? {} : OWN),
    ...others,
    metadata: { name: "a", instance: 1, ...(metadata as JsonObject | undefined) },
  };
  return put(base, stepsOf(path), value) as JsonObject;
}

function problemsOf(document: unknown): readonly string[] {
  try {
    parseSpec(document);
    return [];
  } catch (error) {
    assert.ok(error instanceof ServingError && error.code === "INVALID_SPEC", String(error));
    return (error as ServingError<"INVALID_SPEC">).facts.problems.map((problem) => problem.path);
  }
}

for (const row of REFERENCE_FIELDS) {
  test(`${row.path}: what it takes and what it refuses`, () => {
    for (const value of row.good) {
      assert.deepEqual(problemsOf(documentOf(row, value)), [], JSON.stringify(value).slice(0, 200));
    }
    const here = jsonPath(stepsOf(row.path));
    for (const value of row.bad) {
      const paths = problemsOf(documentOf(row, value));
      const isTold = paths.some(
        (path) => path === here || path.startsWith(`${here}[`) || path.startsWith(`${here}.`),
      );
      assert.ok(isTold, `${JSON.stringify(value).slice(0, 200)}: ${paths.join(", ") || "accepted"}`);
    }
    // null is "not given" where a field may be left out, and no value anywhere else.
    const afterNull = problemsOf(documentOf(row, null));
    assert.ok(afterNull.every((path) => path.startsWith("$")));
  });
}

/** Every field that has a value of its own, by its path as in the table. */
function leavesOf(node: FieldNode, prefix: string): string[] {
  return Object.keys(node.field.properties ?? {}).flatMap((name) => {
    const child = node.children.get(name)!;
    const path = `${prefix}${name}`;
    if (child.kind === "block") return leavesOf(child, `${path}.`);
    return child.item?.kind === "block" ? leavesOf(child.item, `${path}[].`) : [path];
  });
}

test("the table has every field that is known, each once, and no other", () => {
  const listed = REFERENCE_FIELDS.map(({ path }) => path);
  assert.deepEqual(listed.toSorted(), leavesOf(FIELD_TREE, "").toSorted());
});

test("each field has a standing for each runtime, and a reason where it has no effect", () => {
  const visit = (node: FieldNode, names: readonly string[], inherited: string | null) => {
    for (const name of Object.keys(node.field.properties ?? {})) {
      const child = node.children.get(name)!;
      const path = [...names, name];
      const reason = child.field["x-reason"] ?? inherited;
      for (const runtime of Object.keys(RUNTIMES) as Runtime[]) {
        const standing = standingOf(child.field, jsonPath(path), runtime, inherited);
        const isBlock = child.kind === "block" || child.item?.kind === "block";
        assert.ok(standing !== null || isBlock, path.join("."));
        if (standing !== null && standing.kind !== "effective") {
          assert.ok(!standing.reason.startsWith("no such name"), `${path.join(".")}: no reason`);
          // It goes on after a colon, and is one sentence with others.
          assert.match(standing.reason, /^[a-zA-Z`].*[^.]$/, path.join("."));
        }
      }
      visit(child, path, reason);
      if (child.item !== null) visit(child.item, path, reason);
    }
  };
  visit(FIELD_TREE, [], null);
});

const own = { ...OWN, "metadata.name": "a", "metadata.instance": 1 };
const server = (container: JsonObject) => ({ name: "a", "metadata.instance": 1, containers: [container] });

/** Fields that exclude each other, or need each other: each is told at one of them. */
const TOGETHER: readonly (readonly [what: string, document: object, path: string])[] = [
  ["command and script", server({ command: "a", script: "b" }), "$.containers[0].command"],
  [
    "the same beside a processor",
    { ...own, containers: [{ command: "a", script: "b" }] },
    "$.containers[0].command",
  ],
  ["neither command nor script", server({ image: "i" }), "$.containers[0]"],
  ["args beside a script", server({ script: "a", args: ["b"] }), "$.containers[0].args"],
  [
    "two methods of a check",
    server({ script: "a", startup_check: { tcp_socket: { port: 1 }, exec: { command: ["x"] } } }),
    "$.containers[0].startup_check",
  ],
  [
    "two containers",
    { ...server({ script: "a" }), containers: [{ script: "a" }, { script: "b" }] },
    "$.containers",
  ],
  ["gpu and gpu_memory", { ...own, "metadata.gpu": 1, "metadata.gpu_memory": 8 }, '$["metadata.gpu_memory"]'],
  [
    "a percentage of no share",
    { ...own, metadata: { gpu_core_percentage: 5 } },
    "$.metadata.gpu_core_percentage",
  ],
  ["burst to nowhere", { ...own, metadata: { resource_burstable: true } }, "$.metadata.resource_burstable"],
  ["max not above min", { ...own, autoscaler: { min: 5, max: 5 } }, "$.autoscaler.max"],
  [
    "both forms of strategies",
    {
      ...own,
      autoscaler: { strategies: { qps: 1 }, scaleStrategies: [{ metricName: "qps", threshold: 1 }] },
    },
    "$.autoscaler.scaleStrategies",
  ],
  ["a threshold of 0", { ...own, autoscaler: { strategies: { qps: 0 } } }, "$.autoscaler.strategies.qps"],
  ["a label that is no text", { ...own, labels: { a: 1 } }, "$.labels.a"],
  [
    "a label with a long name",
    { ...own, labels: { ["k".repeat(129)]: "" } },
    `$.labels["${"k".repeat(80)}…"]`,
  ],
  [
    "a sinker without its place",
    { ...own, sinker: { type: "sls", config: { sls: { project: "p" } } } },
    "$.sinker",
  ],
  [
    "a sinker with another place",
    { ...own, sinker: { type: "sls", config: { sls: { project: "p", logstore: "l" }, maxcompute: {} } } },
    "$.sinker.config.maxcompute",
  ],
  [
    "default and own balancers",
    { ...own, networking: { nlb: [{ id: "default" }, { id: "nlb-1" }] } },
    "$.networking.nlb[1].id",
  ],
  ["a mount without a source", { ...own, storage: [{ mount_path: "/a" }] }, "$.storage[0]"],
  [
    "a mount with two",
    { ...own, storage: [{ mount_path: "/a", nfs: { server: "s" }, cpfs: {} }] },
    "$.storage[0]",
  ],
  [
    "one mount in another",
    {
      ...own,
      storage: [
        { mount_path: "/a/b", cpfs: {} },
        { mount_path: "/a-b", cpfs: {} },
        { mount_path: "/a/", cpfs: {} },
      ],
    },
    "$.storage[0].mount_path",
  ],
  [
    "the same mount twice",
    {
      ...own,
      storage: [
        { mount_path: "/a", cpfs: {} },
        { mount_path: "//a/.", cpfs: {} },
      ],
    },
    "$.storage[1].mount_path",
  ],
  [
    "neither surge nor unavailable",
    { ...own, metadata: { rolling_strategy: { max_surge: 0 } } },
    "$.metadata.rolling_strategy",
  ],
  ["gRPC of a processor of one's own", { ...own, metadata: { enable_grpc: true } }, "$.metadata.enable_grpc"],
  ["a ready-made one with a language", { ...own, processor: "pmml" }, "$.processor"],
  [
    "Python packages beside C++",
    { ...own, processor_type: "cpp", requirements: ["numpy"] },
    "$.requirements",
  ],
  [
    "a limit without a number",
    { ...own, networking: { gateway_policy: { rate_limit: { enable: true } } } },
    "$.networking.gateway_policy.rate_limit.limit",
  ],
];

for (const [what, document, path] of TOGETHER) {
  test(`refused together: ${what}`, () => {
    const paths = problemsOf(document);
    assert.ok(
      paths.some((each) => each === path || each.startsWith(`${path}.`)),
      `${path} is not in ${paths.join(", ")}`,
    );
  });
}

test("each other name of a field is refused for the same values, at the place where it is written", () => {
  for (const [alias, canonical] of Object.entries(ALIASES)) {
    const row = REFERENCE_FIELDS.find(({ path }) => path === canonical);
    if (row === undefined || row.bad.length === 0) continue; // a block, or anything goes
    const document = (value: Json) => put({ ...documentOf(row, value) }, stepsOf(alias), value) as JsonObject;
    for (const value of row.bad) {
      const wrong = withoutField(document(value), stepsOf(canonical), stepsOf(alias));
      const paths = problemsOf(wrong);
      const here = jsonPath(stepsOf(alias));
      assert.ok(
        paths.some((path) => path.startsWith(here)),
        `${alias} = ${JSON.stringify(value)}: ${paths.join(", ")}`,
      );
    }
  }
});

/** Takes the canonical spelling away, unless it leads to the other one. */
function withoutField(document: JsonObject, canonical: Steps, alias: Steps): JsonObject {
  if (alias.length > canonical.length && canonical.every((step, i) => alias[i] === step)) return document;
  const remove = (value: Json, [step, ...rest]: Steps): Json => {
    if (Array.isArray(value)) return value.map((item, i) => (i === step ? remove(item, rest) : item));
    const { [step as string]: child, ...others } = value as JsonObject;
    return rest.length === 0 ? others : { ...others, [step as string]: remove(child!, rest) };
  };
  return remove(document, canonical) as JsonObject;
}
