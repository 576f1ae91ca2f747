/** The published JSON Schema before a validator that is not ours: draft 2020-12 as Python's jsonschema reads it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ServingError } from "../src/core/errors.ts";
import { parseSpec } from "../src/core/spec/parse.ts";
import { REFERENCE_FIELDS } from "../src/testing/reference-fields.ts";
import { ROOT } from "./harness/installation.ts";
import { makeEnvironment } from "./harness/python-environment.ts";

const SCRIPT = `
import json, sys
from jsonschema import Draft202012Validator
given = json.load(sys.stdin)
Draft202012Validator.check_schema(given["schema"])
validator = Draft202012Validator(given["schema"])
print(json.dumps([validator.is_valid(document) for document in given["documents"]]))
`;

const own = { processor_type: "python", processor_path: "/code", processor_entry: "app.py", name: "a" };

/** Each value of the table of fields, under its dotted name. */
const documents = REFERENCE_FIELDS.filter(({ path }) => !path.includes("[]")).flatMap(({ path, good, bad }) =>
  [...good, ...bad, null].map((value) => ({ ...own, "metadata.instance": 1, [path]: value })),
);

const isAccepted = (document: object) => {
  try {
    return parseSpec(document) !== null;
  } catch (error) {
    assert.ok(error instanceof ServingError);
    return false;
  }
};

test("the schema is one, and takes every document that is accepted", () => {
  const schema = JSON.parse(readFileSync(join(ROOT, "docs", "reference", "service.schema.json"), "utf8"));
  const input = JSON.stringify({ schema, documents: [...schema.examples, ...documents] });
  const python = makeEnvironment("jsonschema==4.25.1");
  const options = { input, encoding: "utf8", timeout: 120_000, maxBuffer: 1 << 24 } as const;
  const valid: readonly boolean[] = JSON.parse(execFileSync(python, ["-c", SCRIPT], options));
  const [examples, told] = [valid.slice(0, schema.examples.length), valid.slice(schema.examples.length)];
  assert.ok(examples.every(Boolean));
  assert.equal(told.length, documents.length);
  for (const [i, document] of documents.entries()) {
    if (isAccepted(document)) assert.ok(told[i], JSON.stringify(document));
  }
  assert.ok(told.filter((isValid) => !isValid).length > 300, "it refuses what is wrong");
});
