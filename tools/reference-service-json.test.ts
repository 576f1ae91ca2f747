import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Schema from "typebox/schema";
import type { Field } from "../src/core/spec/field.ts";
import { SERVICE_FIELD } from "../src/core/spec/schema.ts";
import { REFERENCE_DIR, schemaText, serviceReference } from "./reference-service-json.ts";

const RENEW = "run: node tools/reference-service-json.ts";
const read = (name: string) => readFileSync(join(REFERENCE_DIR, name), "utf8");

test("service-json.md is what the schema says", () => {
  assert.equal(read("service-json.md"), serviceReference(), RENEW);
});

test("service.schema.json is what the schema says", () => {
  assert.equal(read("service.schema.json"), schemaText(), RENEW);
});

test("every field of the schema has a row, and a description", () => {
  const reference = serviceReference();
  const visit = (field: Field, path: string) => {
    for (const [name, child] of Object.entries(field.properties ?? {})) {
      const place = path === "" ? name : `${path}.${name}`;
      assert.ok(child.description !== undefined && child.description !== "", place);
      const isShown = reference.includes(`\`${place}\``) || reference.includes(`\`${place}.`);
      assert.ok(isShown || reference.includes("as `containers[].startup_check`"), place);
      visit(child, place);
    }
  };
  visit(SERVICE_FIELD, "");
});

test("the published schema takes both spellings, other names and texts for booleans, and refuses the rest", () => {
  const schema = JSON.parse(schemaText());
  const good: readonly object[] = [
    { name: "a", processor: "pmml", model_path: "/m", metadata: { instance: 1, "rpc.keepalive": 5 } },
    { "metadata.name": "a", "metadata.instance": 1, generate_token: "true", "labels.a.b": "c" },
    { metadata: { name: "a", instance: 1, workers: 2, batching: { max_batch_size: 2 }, qos: "" } },
    { processor_type: "", metadata: { name: "a", instance: 0, "eas.termination_grace_period": 3 } },
    { containers: [{ image: "i", "prepare.pythonRequirements": ["numpy"] }], features: { "a.b/c": "d" } },
  ];
  const bad: readonly object[] = [
    { tokn: "a" },
    { metadata: { instnce: 1 } },
    { metadata: { instance: -1 } },
    { metadata: { instance: "1" } },
    { metadata: { name: "a/b" } },
    { "metdata.name": "a" },
    { storage: [{}] },
    { labels: { a: 1 } },
    { runtime: { enable_crash_block: "yes" } },
  ];
  for (const document of good) assert.ok(Schema.Check(schema, document), JSON.stringify(document));
  for (const document of bad) assert.ok(!Schema.Check(schema, document), JSON.stringify(document));
});
