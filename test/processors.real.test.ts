/**
 * Each ready-made processor through the whole program: create, gateway, engine, worker, and the answer compared with what the
 * framework itself said when the example was made. One row an example.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type HttpAnswer, Installation, ROOT } from "./harness/installation.ts";

interface Example {
  /** Folder in examples/, with the files below. */
  readonly folder: string;
  readonly service?: string;
  readonly request?: string;
  readonly expected?: string;
  /** What `desc` says of the processor. */
  readonly processor: RegExp;
  /** Largest difference of a number, as a share of it; 0, unless given: to the last digit. */
  readonly tolerance?: number;
  /** The answer in the form of the expected one; JSON unless given. */
  readonly read?: (answer: HttpAnswer) => unknown;
}

const EXAMPLES: readonly Example[] = [
  { folder: "xgboost", processor: /^xgboost \(xgboost 2\.1\.4\)$/ },
  { folder: "lightgbm", processor: /^lightgbm \(lightgbm 4\.7\.0\)$/ },
  { folder: "sklearn", processor: /^sklearn \(scikit-learn 1\.9\.1\)$/ },
  // Its kernels add up in an order that depends on the processor's vector units.
  { folder: "onnx-tabular", processor: /^onnx \(onnxruntime 1\.31\.1\)$/, tolerance: 1e-5 },
  { folder: "onnx-image", processor: /^onnx \(onnxruntime 1\.31\.1\)$/, tolerance: 1e-5 },
];

const sluice = new Installation({ gatewayWorkers: 1 });
before(() => sluice.start());
after(() => sluice.stop());

for (const example of EXAMPLES) {
  const { folder, service = "service.json", request = "request.json", expected = "expected.json" } = example;
  const read = example.read ?? ((answer) => JSON.parse(answer.body));
  test(`examples/${folder}/${service} answers as its framework does`, async () => {
    const file = (name: string) => join(ROOT, "examples", folder, name);
    const { name } = JSON.parse(readFileSync(file(service), "utf8"));
    const said = await sluice.ok("create", file(service));
    assert.doesNotMatch(said, /\[WARNING\]/);
    const { AccessToken, Processor } = await sluice.service(name);
    assert.match(Processor, example.processor);
    const answer = await sluice.predict(name, readFileSync(file(request)), AccessToken);
    assert.equal(answer.status, 200, answer.body);
    assertSame(read(answer), JSON.parse(readFileSync(file(expected), "utf8")), example.tolerance ?? 0);
    await sluice.ok("delete", name, "--yes");
  });
}

/** Equal in form, and in each number but for `tolerance` of it. */
function assertSame(found: unknown, wanted: unknown, tolerance: number, at = "$"): void {
  if (typeof wanted === "number" && typeof found === "number") {
    const isSame = found === wanted || Math.abs(found - wanted) <= tolerance * Math.abs(wanted);
    assert(isSame, `${at}: ${found} in place of ${wanted}`);
    return;
  }
  if (typeof wanted !== "object" || wanted === null || typeof found !== "object" || found === null) {
    assert.deepEqual(found, wanted, at);
    return;
  }
  assert.deepEqual(Object.keys(found), Object.keys(wanted), at);
  for (const [key, value] of Object.entries(wanted))
    assertSame((found as Record<string, unknown>)[key], value, tolerance, `${at}.${key}`);
}
