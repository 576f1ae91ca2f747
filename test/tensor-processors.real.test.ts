/**
 * TensorFlow, PyTorch and Caffe through the whole program, asked by the real Python SDK with its own TFRequest and TorchRequest, unmodified:
 * the answers are those of the frameworks, which the examples have beside them.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Installation, ROOT } from "./harness/installation.ts";
import { runPage } from "./harness/processor-page.ts";
import { askBySdk, type SdkTensor, type SdkTensorAnswer } from "./harness/python-sdk.ts";

type Kind = "tensorflow" | "pytorch" | "caffe";

const sluice = new Installation({ gatewayWorkers: 1 });
before(() => sluice.start());
after(() => sluice.stop());

const example = (kind: Kind, name: string) =>
  JSON.parse(readFileSync(join(ROOT, "examples", kind, name), "utf8"));

/** Creates the example's service, with `more` in its metadata, and gives what asks it. */
async function serve(kind: Kind, more: object = {}) {
  const service = example(kind, "service.json");
  const path = join(ROOT, "examples", kind, service.model_path);
  const file = join(sluice.home, `${kind}.json`);
  writeFileSync(
    file,
    JSON.stringify({ ...service, model_path: path, metadata: { ...service.metadata, ...more } }),
  );
  await sluice.ok("create", file);
  const { AccessToken: token, Processor } = await sluice.service(service.name);
  const endpoint = new URL(sluice.clientConfig().gateway).host;
  const base = { kind, endpoint, service: service.name as string, token };
  return {
    name: service.name as string,
    processor: Processor as string,
    token: token as string,
    ask: (...calls: object[]) => askBySdk(calls.map((call) => ({ ...base, ...call }))),
  };
}

/** Equal but for what the same operations in another order of 32-bit numbers differ by. */
function assertClose(found: SdkTensor | undefined, wanted: SdkTensor): void {
  assert.deepEqual(found?.shape, wanted.shape);
  assert.equal(found.values.length, wanted.values.length);
  for (const [at, value] of found.values.entries()) {
    const right = wanted.values[at]!;
    if (typeof right === "string" || typeof value === "string") assert.equal(value, right);
    else assert(Math.abs(value - right) < 1e-5, `${value} in place of ${right}`);
  }
}

function outputsOf(answer: SdkTensorAnswer | undefined): Readonly<Record<string, SdkTensor>> {
  assert(answer !== undefined && "outputs" in answer, JSON.stringify(answer));
  return answer.outputs;
}

function assertRefused(answer: SdkTensorAnswer | undefined, reason: RegExp): void {
  assert(answer !== undefined && "code" in answer, "it is refused");
  assert.equal(answer.code, 400);
  assert.match(answer.message, reason);
}

/** The one tensor of a request by the Open Inference Protocol, as the SDK sends it. */
function tensorOf(kind: Kind): SdkTensor {
  const [{ shape, data }] = example(kind, "request.json").inputs;
  return { dtype: "DT_FLOAT", shape, values: data };
}

async function inferByJson(kind: Kind, name: string, token: string): Promise<SdkTensor[]> {
  const body = readFileSync(join(ROOT, "examples", kind, "request.json"));
  const { status, body: text } = await sluice.predict(`${name}/v2/models/${name}/infer`, body, token);
  assert.equal(status, 200, text);
  const { outputs } = JSON.parse(text) as { outputs: { shape: number[]; data: number[] }[] };
  return outputs.map(({ shape, data }) => ({ shape, values: data }));
}

test("TFRequest: both signatures, a filter of outputs; what is wrong is told with what is allowed", async () => {
  const { name, processor, token, ask } = await serve("tensorflow");
  assert.match(processor, /^tensorflow_cpu_2\.7 \(tensorflow 2\.21\.0\)$/);
  const rows: number[][] = example("tensorflow", "request.json").instances;
  const shape = [rows.length, 13];
  const wines = { dtype: "DT_FLOAT", shape, values: rows.flat() };
  const doubles = { ...wines, dtype: "DT_DOUBLE" };
  const [direct, scores, named, filtered, ...refused] = ask(
    { signature: "serving_default", inputs: { wines }, type: "DIRECT" },
    { signature: "serving_default", inputs: { wines } },
    { signature: "names", inputs: { wines: doubles } },
    { signature: "names", inputs: { wines: doubles }, fetch: ["name"] },
    { signature: "other", inputs: { wines } },
    { signature: "names", inputs: { wines } },
    { signature: "serving_default", inputs: { wine: wines } },
    { signature: "serving_default", inputs: { wines: { ...wines, shape: [256, 1024, 1024] } } },
  );
  const probabilities: number[][] = example("tensorflow", "expected.json").predictions;
  for (const answer of [direct, scores])
    assertClose(outputsOf(answer).probabilities, { shape: [rows.length, 3], values: probabilities.flat() });
  const wanted = example("tensorflow", "expected-names.json").outputs;
  assertClose(outputsOf(named).name, { shape: [rows.length], values: wanted.name });
  assertClose(outputsOf(named).sure, { shape: [rows.length], values: wanted.sure });
  assert.deepEqual(Object.keys(outputsOf(filtered)), ["name"]);
  assertRefused(refused[0], /the model has: names, serving_default/);
  assertRefused(refused[1], /input wines is DT_FLOAT; allowed: DT_DOUBLE/);
  assertRefused(refused[2], /input wine is unknown; allowed: wines/);
  assertRefused(refused[3], /has 39 values; its shape \[256, 1024, 1024\] allows 268435456/);

  const request = readFileSync(join(ROOT, "examples", "tensorflow", "request-names.json"));
  const told = await sluice.predict(name, request, token);
  assert.equal(told.status, 200, told.body);
  assert.deepEqual(JSON.parse(told.body).outputs.name, wanted.name);
  const described = JSON.parse((await sluice.predict(name, "", token)).body);
  assert.deepEqual(described.inputs, [{ name: "wines", shape: [-1, 13], type: "DT_FLOAT" }]);
});

test("TorchRequest: by position and by name, compressed by snappy, a filter of outputs", async () => {
  // Its requests are compressed when its flag is set; the service says that they are.
  const { name, token, processor, ask } = await serve("pytorch", { rpc: { decompressor: "snappy" } });
  assert.match(processor, /^pytorch_cpu_1\.10 \(torch [\d.]+/);
  const x = tensorOf("pytorch");
  const wanted = example("pytorch", "expected.json");
  const [byPosition, byName, filtered, ...refused] = ask(
    { snappy: true, inputs: [x] },
    { snappy: true, named: { x } },
    { snappy: true, inputs: [x], fetch: [1] },
    { snappy: true, inputs: [x], fetch: [2] },
    { snappy: true, inputs: [{ ...x, shape: [16] }] },
  );
  for (const answer of [byPosition, byName]) {
    assertClose(outputsOf(answer)[0], wanted.probabilities);
    assertClose(outputsOf(answer)[1], wanted.species);
  }
  assertClose(outputsOf(filtered)[0], wanted.species);
  assertRefused(refused[0], /output_filter has 2; allowed: 0 to 1/);
  assertRefused(refused[1], /the model refuses these inputs: /);
  await sluice.ok("delete", name, "--yes");
  const plain = await serve("pytorch");
  for (const answer of plain.ask({ inputs: [x] }, { inputs: [x], type: "DIRECT" }))
    assertClose(outputsOf(answer)[0], wanted.probabilities);
  const [probabilities, species] = await inferByJson("pytorch", plain.name, plain.token);
  assertClose(probabilities, wanted.probabilities);
  assertClose(species, wanted.species);
  assert.notEqual(token, "");
  await runPage(sluice, "pytorch");
});

test("the Caffe format: inputs by name, an inner layer by filter", async () => {
  const { name, token, processor, ask } = await serve("caffe");
  assert.match(processor, /^caffe_cpu \(opencv 4\.14\.0\)$/);
  const data = tensorOf("caffe");
  const { prob } = example("caffe", "expected.json");
  const [all, filtered, ...refused] = ask(
    { inputs: { data } },
    { inputs: { data }, fetch: ["pool", "prob"] },
    { inputs: { data }, fetch: ["top"] },
    { inputs: { data: { ...data, shape: [1, 1, 16, 16] } } },
  );
  assertClose(outputsOf(all).prob, prob);
  assertClose(outputsOf(filtered).prob, prob);
  assert.deepEqual(outputsOf(filtered).pool?.shape, [4, 8, 3, 3]);
  assertRefused(refused[0], /output top is unknown; allowed: prob/);
  assertRefused(refused[1], /has the shape \[1, 1, 16, 16\]; allowed: \[-1, 1, 8, 8\]/);
  assertClose((await inferByJson("caffe", name, token))[0], prob);
  await runPage(sluice, "caffe");
});
