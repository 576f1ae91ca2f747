/** The Open Inference Protocol v2 of a ready-made processor, asked by its official client, unmodified, through the gateway and at the instance. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import Schema from "typebox/schema";
import { ANSWERS } from "./fixtures/inference-protocol/answers.ts";
import { http, Installation, ROOT } from "./harness/installation.ts";
import { PROCESSOR_PAGE } from "./harness/processor-page.ts";
import { runBySdk } from "./harness/python-sdk.ts";
import { runTriton, runTritonPython } from "./harness/tritonclient.ts";

const EXAMPLE = join(ROOT, "examples", "onnx-tabular");
const read = (name: string) => JSON.parse(readFileSync(join(EXAMPLE, name), "utf8"));
const rows: number[][] = read("request.json");
const expected: { output_label: number; output_probability: Record<string, number> }[] =
  read("expected.json");

const sluice = new Installation({ gatewayWorkers: 2 });
let token = "";
let gateway = "";
let direct = "";
before(async () => {
  await sluice.start();
  await sluice.ok("create", join(EXAMPLE, "service.json"));
  token = (await sluice.service("wine")).AccessToken;
  gateway = new URL(sluice.clientConfig().gateway).host;
  const [instance] = (await sluice.json("GET", "/api/v2/services/local/wine/instances")).Instances;
  direct = `127.0.0.1:${instance.InstancePort}`;
});
after(() => sluice.stop());

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into field by field
function checkFound(found: any, model: string): void {
  assert.deepEqual(
    [found.live, found.ready, found["model ready"], found["version ready"]],
    [true, true, true, true],
  );
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  assert.deepEqual(found.server, { name: "sluice", version, extensions: ["binary_tensor_data"] });
  assert.deepEqual(found.model, {
    name: model,
    versions: ["1"],
    platform: "onnx_onnxv1",
    inputs: [{ name: "X", datatype: "FP32", shape: [-1, 13] }],
    outputs: [
      { name: "output_label", datatype: "INT64", shape: [-1] },
      { name: "output_probability", datatype: "FP32", shape: [-1, -1] },
    ],
  });
  const labels = expected.map((row) => row.output_label);
  assert.deepEqual(found.labels, labels);
  assertNear(found.probabilities);
  assert.deepEqual([found.id, found.model_name, found.only], ["mine", model, ["output_probability"]]);
  assert.equal(found.many, 20000);
  assert.deepEqual([found.gzip, found.deflate], [labels, labels]);
}

function assertNear(found: number[][]): void {
  assert.equal(found.length, expected.length);
  for (const [i, { output_probability: wanted }] of expected.entries())
    for (const [j, value] of Object.values(wanted).entries())
      assert.ok(Math.abs(found[i]![j]! - value) <= 1e-5 * value, `${found[i]![j]} is not ${value}`);
}

const MESSAGES = {
  model: /unknown model "nobody"; this service has "wine"/,
  version: /unknown version "77" of model "wine"; there is "1"/,
  input: /unknown input "Z"; allowed: "X"/,
  datatype: /input "X" has datatype FP64; allowed: FP32/,
  shape: /input "X" has shape \[4,3\]; allowed: \[-1,13\]/,
  missing: /input "X" is missing/,
  output: /unknown output "Q"; allowed: "output_label", "output_probability"/,
};

function checkRefused(
  found: Record<string, { readonly status: string; readonly message: string }>,
  statuses: Record<string, string>,
): void {
  for (const [what, pattern] of Object.entries(MESSAGES)) assert.match(found[what]!.message, pattern, what);
  const seen = Object.fromEntries(Object.entries(found).map(([what, { status }]) => [what, status]));
  assert.deepEqual(seen, statuses);
}

const HTTP = {
  ...{ model: "404", version: "404", input: "400", datatype: "400", shape: "400", missing: "400" },
  ...{ output: "400", method: "404", token: "401" },
};
const GRPC = {
  ...{ model: "StatusCode.NOT_FOUND", version: "StatusCode.NOT_FOUND", input: "StatusCode.INVALID_ARGUMENT" },
  ...{ datatype: "StatusCode.INVALID_ARGUMENT", shape: "StatusCode.INVALID_ARGUMENT" },
  ...{ missing: "StatusCode.INVALID_ARGUMENT", output: "StatusCode.INVALID_ARGUMENT" },
  ...{ method: "StatusCode.UNIMPLEMENTED", token: "StatusCode.UNAUTHENTICATED" },
};

test("tritonclient over HTTP, through the gateway and at the instance", async () => {
  for (const [host, model] of [
    [gateway, "wine"],
    [direct, "model"],
  ] as const) {
    const found = await runTriton("calls.py", {
      transport: "http",
      url: `${host}/api/predict/wine`,
      token,
      model,
      rows,
    });
    checkFound(found, model);
    assert.deepEqual(found["json labels"], found.labels);
    assert.deepEqual(found["json probabilities"], found.probabilities);
    if (model === "wine") checkRefused(found.refused, HTTP);
  }
});

test("tritonclient over gRPC, through the gateway and at the instance", async () => {
  const through = await runTriton("calls.py", {
    transport: "grpc",
    url: gateway,
    authority: "wine.sluice",
    token,
    model: "wine",
    rows,
  });
  checkFound(through, "wine");
  checkRefused(through.refused, GRPC);
  const straight = await runTriton("calls.py", {
    transport: "grpc",
    url: direct,
    token,
    model: "model",
    rows,
  });
  checkFound(straight, "model");
  assert.equal(straight.refused.token.status, "StatusCode.UNAUTHENTICATED");
});

test("the program that the reference shows prints what it shows", async () => {
  const page = readFileSync(join(ROOT, PROCESSOR_PAGE), "utf8");
  const [, program, shown, ...more] = page.split(/```python\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/);
  assert(program !== undefined && more.length === 1, "one program");
  const meant = program.replaceAll("YOUR_TOKEN", token).replaceAll("127.0.0.1:8080", gateway);
  assert.equal(await runTritonPython("-c", meant), shown);
});

test("answers are what the protocol's OpenAPI file says, by its paths with and without a version", async () => {
  const url = `http://${gateway}/api/predict/wine/v2`;
  const ask = async (path: string, body?: object) => {
    const how = body === undefined ? { method: "GET" } : { method: "POST", body: JSON.stringify(body) };
    const answer = await http(`${url}${path}`, { headers: { authorization: token }, ...how });
    assert.equal(answer.headers["content-type"], "application/json", path);
    return { status: answer.status, json: JSON.parse(answer.body) };
  };
  const check = async (status: number, schema: keyof typeof ANSWERS, path: string, body?: object) => {
    const answer = await ask(path, body);
    assert.equal(answer.status, status, path);
    assert.ok(
      Schema.Check(ANSWERS[schema] as object, answer.json),
      `${path}: ${JSON.stringify(answer.json)}`,
    );
    // biome-ignore lint/suspicious/noExplicitAny: looked into field by field
    return answer.json as any;
  };
  const request = { inputs: [{ name: "X", datatype: "FP32", shape: [4, 13], data: rows }] };
  for (const path of ["", "/"]) await check(200, "metadata_server_response", path);
  for (const model of ["/models/wine", "/models/wine/versions/1", "/models/model.onnx"]) {
    await check(200, "metadata_model_response", model);
    const answer = await check(200, "inference_response", `${model}/infer`, { id: "7", ...request });
    assert.deepEqual([answer.id, answer.outputs[0].data], ["7", expected.map((row) => row.output_label)]);
    assert.equal((await ask(`${model}/ready`)).status, 200);
  }
  for (const path of ["/health/live", "/health/ready"]) assert.equal((await ask(path)).status, 200);
  await check(400, "inference_error_response", "/models/wine/infer", { inputs: [] });
  await check(404, "inference_error_response", "/models/other");
  await check(404, "inference_error_response", "/nothing");
  await check(405, "inference_error_response", "/models/wine/infer");
  assert.ok(!Schema.Check(ANSWERS.inference_response, { model_name: "a", outputs: [{ name: "y" }] }));
});

test("the same of pmml, whose worker is another: both transports say what its rows are answered with", async () => {
  const file = join(sluice.home, "heart.json");
  const model = join(ROOT, "processors", "java", "src", "test", "resources", "heart.pmml");
  const metadata = { instance: 1, cpu: 1, memory: 256 };
  writeFileSync(file, JSON.stringify({ name: "heart", processor: "pmml", model_path: model, metadata }));
  await sluice.ok("create", file);
  const opener = (await sluice.service("heart")).AccessToken;
  const row = { age: 54.5, vessels: 1, chol: 210, pain: "typical", smoker: true };
  const [wanted] = JSON.parse((await sluice.predict("heart", JSON.stringify([row]), opener)).body);
  const found = await runTriton("both.py", {
    http: `${gateway}/api/predict/heart`,
    grpc: gateway,
    authority: "heart.sluice",
    token: opener,
    model: "heart",
    row,
  });
  assert.deepEqual(found.http, found.grpc);
  for (const [name, value] of Object.entries(wanted)) assert.deepEqual(found.grpc[name], [value], name);
});

test("the official SDK's request for ONNX, its own bytes", () => {
  const found = runBySdk(`
import json, numpy
from eas_prediction import OnnxRequest, PredictClient
from eas_prediction.onnx_processor_data_helper import from_array, to_array
client = PredictClient("http://${gateway}", "wine")
client.set_token("${token}")
client.init()
request = OnnxRequest()
request.add_tensor(from_array(numpy.array(${JSON.stringify(rows)}, numpy.float32), "X"))
answer = client.predict(request)
print(json.dumps({answer.get_name(i): to_array(answer.get_tensor(i)).tolist() for i in range(answer.get_size())}))
`);
  const { output_label, output_probability } = JSON.parse(found);
  assert.deepEqual(
    output_label,
    expected.map((row) => row.output_label),
  );
  assertNear(output_probability);
});

test("one port serves both, and the family's own format beside them", async () => {
  const url = `http://${gateway}/api/predict/wine`;
  const answer = await sluice.predict("wine", JSON.stringify(rows), token);
  assert.equal(JSON.parse(answer.body).length, rows.length);
  const described = await http(url, { method: "GET", headers: { authorization: token } });
  assert.equal(JSON.parse(described.body).processor, "onnx");
});
