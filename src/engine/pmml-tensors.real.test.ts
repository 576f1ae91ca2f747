/** `pmml` by the Open Inference Protocol v2: paths, tensors as JSON and as bytes, and what is refused. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { answerOf, type PeerSpec, WorkerPeer } from "../testing/worker-peer.ts";
import { encodeFrame, FRAME } from "./frames.ts";

const PMML = fileURLToPath(new URL("../../processors/java/src/test/resources/heart.pmml", import.meta.url));
const SPEC = {
  sluice: "0.9",
  service: "heart_service",
  version: 3,
  processor: { kind: "builtin", code: "pmml", family: "pmml" },
  model: { path: PMML, entry: PMML, config: null },
  rpc: { workerThreads: 2, maxQueueSize: 64, keepaliveMs: 5000 },
  limits: { cpu: 1, memoryMb: 256 },
} as const satisfies PeerSpec & Record<string, unknown>;

const probability = (age: number, vessels: number, chol = 200) =>
  1 / (1 + Math.exp(-(-4.25 + 0.03125 * age + 0.7 * vessels + 0.004 * chol + 1.1 + 0.5)));
const tensor = (name: string, datatype: string, data: unknown[], shape: unknown = [data.length]) => ({
  name,
  datatype,
  shape,
  data,
});
const two = () => [
  tensor("age", "FP64", [54.5, 60]),
  tensor("vessels", "INT64", [1, 2], [2, 1]),
  tensor("pain", "BYTES", ["typical", "typical"]),
  tensor("smoker", "BOOL", [true, true]),
];

describe("pmml by the Open Inference Protocol", () => {
  let peer: WorkerPeer;
  let serial = 0;
  before(async () => {
    peer = await WorkerPeer.start(SPEC);
    assert.equal((await peer.init(SPEC)).type, FRAME.READY);
  });
  after(() => peer.dispose());

  async function call(line: string, body: string | Buffer = "", fields: Record<string, string> = {}) {
    const head = [line, ...Object.entries(fields).map(([name, value]) => `${name}: ${value}`), ""].join("\n");
    const front = Buffer.alloc(2);
    front.writeUInt16LE(head.length);
    const id = ++serial;
    peer.send(encodeFrame(FRAME.REQUEST, id, Buffer.concat([front, Buffer.from(head), Buffer.from(body)])));
    const frame = await peer.take(id);
    assert.equal(frame.type, FRAME.RESPONSE);
    const bytes = frame.payload.subarray(6 + frame.payload.readUInt32LE(2));
    return { ...answerOf(frame), bytes };
  }
  const infer = (body: unknown, fields = {}, path = "/v2/models/heart/infer") =>
    call(
      `POST ${path}`,
      typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body),
      fields,
    );
  async function refused(body: unknown, fields = {}): Promise<string> {
    const { status, body: text, head } = await infer(body, fields);
    assert.equal(status, 400, text);
    assert.equal(head, "content-type: application/json\n");
    return JSON.parse(text).error;
  }
  const near = (found: number[], want: number[]) => {
    assert.equal(found.length, want.length);
    for (const [i, value] of want.entries())
      assert.ok(Math.abs(found[i]! - value) < 1e-14, `${found[i]} is not ${value}`);
  };

  test("server, health, metadata and readiness under each name; other paths and methods are refused", async () => {
    const get = async (path: string) => JSON.parse((await call(`GET ${path}`)).body);
    assert.deepEqual(await get("/v2"), {
      name: "sluice",
      version: "0.9",
      extensions: ["binary_tensor_data"],
    });
    assert.deepEqual(await get("/v2/"), await get("/v2?x=1"));
    assert.deepEqual(await get("/v2/health/live"), { live: true });
    assert.deepEqual(await get("/v2/health/ready"), { ready: true });
    for (const name of ["heart_service", "heart.pmml", "heart", "he%61rt"]) {
      assert.equal((await get(`/v2/models/${name}/ready`)).ready, true);
    }
    const facts = await get("/v2/models/heart/versions/3");
    assert.deepEqual(facts.versions, ["3"]);
    assert.deepEqual(
      facts.inputs.map((i: Record<string, unknown>) => [i.name, i.datatype, i.shape]),
      [
        ["age", "FP64", [-1]],
        ["vessels", "INT64", [-1]],
        ["chol", "FP64", [-1]],
        ["pain", "BYTES", [-1]],
        ["smoker", "BOOL", [-1]],
      ],
    );
    assert.deepEqual(
      facts.outputs.map((o: Record<string, unknown>) => [o.name, o.datatype]),
      [
        ["label", "INT64"],
        ["p_0", "FP64"],
        ["p_1", "FP64"],
      ],
    );
    const cases: [string, number, string][] = [
      ["GET /v2/models/x", 404, 'unknown model "x"; this service has "heart_service"'],
      ["GET /v2/models/heart/versions/7", 404, 'unknown version "7" of model "heart"; there is "3"'],
      ["GET /v2/foo", 404, "no such path of the Open Inference Protocol: /v2/foo"],
      ["GET /v2/models/heart/infer", 405, "GET is not for this path; allowed: POST"],
      ["POST /v2/health/live", 405, "POST is not for this path; allowed: GET"],
    ];
    for (const [line, status, error] of cases) {
      const answer = await call(line);
      assert.deepEqual([answer.status, JSON.parse(answer.body)], [status, { error }]);
      if (status === 405) assert.match(answer.head, /\nallow: (GET|POST)\n$/);
    }
    assert.equal((await call("GET /v2x")).status, 200); // the model's description
  });

  test("tensors as JSON, of one or two dimensions, with an optional one left out", async () => {
    const answer = await infer({ id: "a1", inputs: two() }, {}, "/v2/models/heart_service/versions/3/infer");
    assert.equal(answer.status, 200, answer.body);
    const told = JSON.parse(answer.body);
    assert.deepEqual([told.model_name, told.model_version, told.id], ["heart_service", "3", "a1"]);
    assert.deepEqual(
      told.outputs.map((o: Record<string, unknown>) => [o.name, o.datatype, o.shape]),
      [
        ["label", "INT64", [2]],
        ["p_0", "FP64", [2]],
        ["p_1", "FP64", [2]],
      ],
    );
    near(told.outputs[2].data, [probability(54.5, 1), probability(60, 2)]);
    const inputs = [...two(), tensor("chol", "FP64", [[210], [220]], [2, 1])];
    const only = JSON.parse((await infer({ inputs, outputs: [{ name: "p_1" }] })).body);
    assert.equal(only.outputs.length, 1);
    near(only.outputs[0].data, [probability(54.5, 1, 210), probability(60, 2, 220)]);
    assert.deepEqual(
      JSON.parse((await infer({ inputs: two().map((t) => ({ ...t, data: [], shape: [0] })) })).body)
        .outputs[2].data,
      [],
    );
    // NaN is a missing value: this one has a replacement.
    const body = JSON.stringify({ inputs: [...two(), tensor("chol", "FP64", [0, 0])] }).replace(
      "[0,0]",
      "[NaN,210]",
    );
    near(JSON.parse((await infer(body)).body).outputs[2].data, [
      probability(54.5, 1),
      probability(60, 2, 210),
    ]);
  });

  test("tensors as bytes, both ways, compressed too", async () => {
    const numbers = Buffer.alloc(16);
    numbers.writeDoubleLE(54.5, 0);
    numbers.writeDoubleLE(60, 8);
    const vessels = Buffer.alloc(16);
    vessels.writeBigInt64LE(1n, 0);
    vessels.writeBigInt64LE(2n, 8);
    const word = Buffer.concat([Buffer.from([7, 0, 0, 0]), Buffer.from("typical")]);
    const parts = [numbers, vessels, Buffer.concat([word, word]), Buffer.from([1, 1])];
    const inputs = two().map(({ data: _, ...rest }, i) => ({
      ...rest,
      parameters: { binary_data_size: parts[i]!.length },
    }));
    const text = Buffer.from(JSON.stringify({ inputs, parameters: { binary_data_output: true } }));
    const body = Buffer.concat([text, ...parts]);
    const length = { "Inference-Header-Content-Length": String(text.length) };
    for (const answer of [
      await infer(body, length),
      await infer(gzipSync(body), { ...length, "content-encoding": "gzip" }),
    ]) {
      assert.equal(answer.status, 200, answer.body);
      const told = /^content-type: application\/octet-stream\ninference-header-content-length: (\d+)\n$/.exec(
        answer.head,
      );
      const at = Number(told![1]);
      const json = JSON.parse(answer.bytes.subarray(0, at).toString());
      assert.deepEqual(json.outputs[2].parameters, { binary_data_size: 16 });
      assert.equal(answer.bytes.length, at + 48);
      assert.equal(answer.bytes.readBigInt64LE(at), 1n);
      near(
        [answer.bytes.readDoubleLE(at + 32), answer.bytes.readDoubleLE(at + 40)],
        [probability(54.5, 1), probability(60, 2)],
      );
    }
    // Truncated at every byte: always 400, never anything else.
    for (let to = 0; to < body.length; to++) await refused(body.subarray(0, to), length);
    assert.match(
      await refused(Buffer.concat([body, Buffer.from("x")]), length),
      /^1 bytes of binary data are left behind/,
    );
  });

  test("what is wrong is told with the tensor, what was found and what is allowed", async () => {
    const change = (at: number, more: object) => ({
      inputs: two().map((t, i) => (i === at ? { ...t, ...more } : t)),
    });
    const cases: [unknown, string | RegExp][] = [
      ["[]", "the body is a list; allowed: a JSON object"],
      ["{", /^the body is not JSON at line 1/],
      ["", "the body is empty; allowed: a JSON object"],
      ["{}", "inputs: nothing; allowed: a list of tensors"],
      ['{"inputs": [], "inputs": []}', '"inputs" comes twice in one object'],
      [{ inputs: [] }, 'input "age" is missing'],
      [{ inputs: [...two(), two()[0]] }, 'input "age" comes twice'],
      [
        change(0, { name: "agee" }),
        'unknown input "agee"; allowed: "age", "vessels", "chol", "pain", "smoker"',
      ],
      [change(0, { name: 7 }), "inputs[0]: name is a whole number; allowed: a string"],
      [change(0, { datatype: "INT32" }), 'input "age" has datatype INT32; allowed: FP64'],
      [change(0, { shape: [1, 2] }), 'input "age" has shape [1,2]; allowed: [-1] or [-1,1]'],
      [change(0, { shape: [3] }), 'input "age" has 2 elements; its shape [3] has 3'],
      [change(0, { shape: [-2] }), /^input "age": shape has -2; allowed: a list of at most 32 whole numbers/],
      [
        change(0, { shape: [2147483647] }),
        'input "age" has 2 elements; its shape [2147483647] has 2147483647',
      ],
      [
        change(0, { shape: [2147483647], data: null, parameters: { binary_data_size: 0 } }),
        /has data and binary_data_size/,
      ],
      [change(0, { data: ["54", 1] }), 'input "age": data has a string; allowed for FP64: numbers'],
      [change(0, { data: [null, 1] }), 'input "age": data has null; allowed for FP64: numbers'],
      [
        change(1, { data: [1.5, 1] }),
        'input "vessels": data has a fraction; allowed for INT64: whole numbers',
      ],
      [change(2, { data: [1, 1] }), 'input "pain": data has a whole number; allowed for BYTES: strings'],
      [
        change(3, { data: [1, 0] }),
        'input "smoker": data has a whole number; allowed for BOOL: true and false',
      ],
      [
        change(1, { data: [[1], [2, 3]] }),
        'input "vessels": data has a list of 2 elements in dimension 1; its shape [2,1] has 1',
      ],
      [change(0, { data: [54, 121] }), 'input "age": row 2 is 121.0; allowed: a number in [0.0, 120.0]'],
      [
        change(2, { data: ["x", "typical"] }),
        'input "pain": row 1 is "x"; allowed: one of "none", "typical", "atypical"',
      ],
      [change(0, { data: [1], shape: [1] }), 'input "vessels" has 2 rows; input "age" has 1'],
      [{ inputs: two(), outputs: [{ name: "q" }] }, 'unknown output "q"; allowed: "label", "p_0", "p_1"'],
      [
        { inputs: two(), outputs: [{ name: "p_1", parameters: { classification: 2 } }] },
        /^output "p_1" has the parameter classification/,
      ],
      [{ inputs: two(), id: 4 }, "id is a whole number; allowed: a string"],
      [
        JSON.stringify(change(0, { data: [0, 1] })).replace("[0,1]", "[1e400,1]"),
        "the body has 1e400, which is no FP64",
      ],
      [
        JSON.stringify(change(1, { data: [0, 1] })).replace("[0,1]", "[9223372036854775808,1]"),
        /allowed for INT64: -9223372036854775808 to/,
      ],
      ["[".repeat(10000), "the body is nested too deeply"],
      [`{"inputs":[${"9".repeat(2000)}]}`, "the body has a number with more than 1000 digits"],
    ];
    for (const [body, error] of cases) {
      const found = await refused(body);
      if (typeof error === "string") assert.equal(found, error);
      else assert.match(found, error);
    }
    assert.equal(
      await refused("{}", { "content-encoding": "br" }),
      "content-encoding is br; allowed: gzip, deflate",
    );
    assert.match(await refused("{}", { "content-encoding": "gzip" }), /^the body is not gzip: /);
    assert.equal(
      await refused("{}", { "inference-header-content-length": "9" }),
      "Inference-Header-Content-Length is 9; allowed: 0 to 2",
    );
  });
});
