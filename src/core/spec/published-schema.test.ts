import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import Schema from "typebox/schema";
import { canonical, choices, dotted, mutate } from "../../testing/service-documents.ts";
import { ServingError } from "../errors.ts";
import { parseSpec } from "./parse.ts";
import { publishedSchema } from "./published-schema.ts";
import { SERVICE_FIELD } from "./schema.ts";
import type { Json, JsonObject } from "./service-spec.ts";

const schema = publishedSchema() as Parameters<typeof Schema.Check>[0];
const compiled = Schema.Compile(schema);
const isFine = (document: unknown) => compiled.Check(document);

function isAccepted(document: unknown): boolean {
  try {
    parseSpec(document);
    return true;
  } catch (error) {
    assert.ok(error instanceof ServingError && error.code === "INVALID_SPEC");
    return false;
  }
}

const broken = fc
  .tuple(canonical, fc.nat(), fc.jsonValue({ maxDepth: 2 }))
  .map(([document, at, fresh]) => mutate(document, at, fresh));

test("what is accepted, in nested or dotted keys, passes the schema", () => {
  fc.assert(
    fc.property(canonical, choices, (document, isDotted) => {
      const spelled = dotted(SERVICE_FIELD, document, isDotted);
      assert.ok(isFine(spelled), JSON.stringify(compiled.Errors(spelled)[1]).slice(0, 2000));
    }),
    { numRuns: 100 },
  );
});

/** Of what is broken somewhere, how much each of the two refuses. */
const counts = { accepted: 0, refused: 0, refusedByBoth: 0 };

test("what the schema refuses is refused, whatever is put where", () => {
  fc.assert(
    fc.property(broken, choices, (document, isDotted) => {
      const spelled = isObject(document) ? nulled(document, isDotted) : document;
      const accepted = isAccepted(spelled);
      const fine = isFine(spelled);
      if (accepted) assert.ok(fine, JSON.stringify(compiled.Errors(spelled)[1]).slice(0, 2000));
      counts.accepted += accepted ? 1 : 0;
      counts.refused += accepted ? 0 : 1;
      counts.refusedByBoth += accepted || fine ? 0 : 1;
    }),
    { numRuns: 600 },
  );
  assert.ok(counts.accepted > 5 && counts.refused > 100, JSON.stringify(counts));
  // Else it would be a schema that lets everything through.
  assert.ok(counts.refusedByBoth > 0.6 * counts.refused, JSON.stringify(counts));
});

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Some values as null, empty texts, or texts for booleans: "not given", and the same. */
function nulled(document: JsonObject, isIt: () => boolean): JsonObject {
  const respell = (value: Json): Json => {
    if (typeof value === "boolean" && isIt()) return String(value);
    if (isObject(value)) return nulled(value, isIt);
    return value;
  };
  return Object.fromEntries(
    Object.entries(document).map(([name, value]) => [
      name,
      isIt() && isIt() && isIt() ? null : respell(value),
    ]),
  );
}

test("other names of fields pass, dotted too, and are marked as such", () => {
  const base = { processor: "pmml", model_path: "/m" };
  const good: readonly object[] = [
    { ...base, $schema: "./service.schema.json", name: "a", metadata: { instance: 1, "rpc.keepalive": 5 } },
    { ...base, "metadata.name": "a", "metadata.instance": 1, generate_token: "true", "labels.a.b": "c" },
    { ...base, metadata: { name: "a", instance: 1, workers: 2, batching: { max_batch_size: 2 }, qos: "" } },
    {
      ...base,
      "metadata.batching.max_batch_size": 2,
      rpc: { keepalive: 3 },
      metadata: { name: "a", instance: 0 },
    },
    { ...base, processor_type: "", metadata: { name: "a", instance: 0, "eas.termination_grace_period": 3 } },
    {
      ...base,
      name: "a",
      metadata: { instance: 0, cpu: null, eas: { "x.y": 1 } },
      cloud: null,
      labels: { a: null },
    },
    {
      ...base,
      name: "a",
      "metadata.instance": 1,
      cronscaler: { ScaleJobs: [{ Schedule: "0 0 1 * * *", TargetSize: 1 }] },
    },
    {
      name: "a",
      "metadata.instance": 1,
      containers: [{ command: "a", script: null, "prepare.pythonRequirements": ["numpy"] }],
      features: { "a.b/c": "d" },
    },
  ];
  const bad: readonly object[] = [
    { tokn: "a" },
    { metadata: { instnce: 1 } },
    { metadata: { instance: -1 } },
    { metadata: { instance: "1" } },
    { "metadata.instance": "1" },
    { "metadata.rpc.keepaliv": 1 },
    { metadata: { "rpc.keepalive": "fast" } },
    { metadata: { name: "a/b" } },
    { "metdata.name": "a" },
    { storage: [{}] },
    { labels: { a: 1 } },
    { "labels.a": 1 },
    { runtime: { enable_crash_block: "yes" } },
    { containers: [{ command: "a", script: "b" }] },
    { containers: [{ port: 8080 }] },
    { containers: [{ startup_check: { "http_get.port": 0 } }] },
    { "networking.gateway": "x" },
  ];
  for (const document of good) {
    assert.ok(isFine(document), JSON.stringify([document, compiled.Errors(document)[1]]));
    assert.ok(isAccepted(document), JSON.stringify(document));
  }
  for (const document of bad) {
    assert.ok(!isFine(document), JSON.stringify(document));
    assert.ok(!isAccepted(document), JSON.stringify(document));
  }
  const { $defs } = schema as unknown as { $defs: { metadata: { properties: Record<string, object> } } };
  assert.deepEqual($defs.metadata.properties.workers, {
    $ref: "#/$defs/metadata.rpc.worker_threads",
    deprecated: true,
    description: "Another name of `metadata.rpc.worker_threads`.",
  });
});

test("it has an address of its own, examples that are accepted, and a description and standing for each field", () => {
  const { $id, $schema, examples, $defs } = schema as unknown as {
    $id: string;
    $schema: string;
    examples: readonly JsonObject[];
    $defs: Record<string, Record<string, unknown>>;
  };
  assert.equal($schema, "https://json-schema.org/draft/2020-12/schema");
  assert.match($id, /^urn:/);
  for (const example of examples) assert.ok(isAccepted(example) && isFine(example));
  for (const [name, field] of Object.entries($defs)) {
    assert.ok(typeof field.description === "string" && field.description !== "", name);
    assert.ok(
      field["x-standing"] !== undefined || field.properties !== undefined || field.items !== undefined,
      name,
    );
  }
});
