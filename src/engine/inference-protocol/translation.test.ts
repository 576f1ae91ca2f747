/** Messages as another program of protocol buffers writes and reads them (@grpc/proto-loader). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { loadSync, type ServiceDefinition } from "@grpc/proto-loader";
import fc from "fast-check";
import { GRPC } from "../../core/grpc.ts";
import { answerOf, methodOf, requestOf, type WorkerRequest } from "./translation.ts";

const PROTO = fileURLToPath(
  new URL("../../../test/fixtures/inference-protocol/inference.proto", import.meta.url),
);
const service = loadSync(PROTO, { keepCase: true, longs: String, arrays: true }) as Record<string, unknown>;
const methods = service["inference.GRPCInferenceService"] as ServiceDefinition;
const MAX = 1_000_000;

const encoded = (message: object): Buffer => methods.ModelInfer!.requestSerialize(message) as Buffer;
// biome-ignore lint/suspicious/noExplicitAny: looked into field by field
const decoded = (method: string, message: Buffer): any => methods[method]!.responseDeserialize(message);

function asked(message: object) {
  const request = requestOf("ModelInfer", encoded(message), MAX);
  assert.ok("head" in request, JSON.stringify(request));
  const [text, ...tensors] = request.body;
  return { head: request.head, json: JSON.parse(text!.toString()), tensors, text: text! };
}
function refused(message: object): string {
  const refusal = requestOf("ModelInfer", encoded(message), MAX);
  assert.ok("status" in refusal, JSON.stringify(refusal));
  assert.equal(refusal.status, GRPC.INVALID_ARGUMENT);
  return refusal.text;
}
const input = (datatype: string, contents: object, shape: readonly number[] = [2]) => ({
  ...{ model_name: "m", inputs: [{ name: "x", datatype, shape, contents }] },
});

describe("ModelInfer as a request of the REST form", () => {
  test("raw contents, names, parameters and outputs", () => {
    const raw = [Buffer.from("abcd"), Buffer.alloc(0)];
    const { head, json, tensors, text } = asked({
      model_name: "a model/é",
      model_version: "3",
      id: "me",
      parameters: { deep: { int64_param: "-5" }, on: { bool_param: true }, share: { double_param: 0.5 } },
      inputs: [
        { name: "x", datatype: "FP16", shape: [1, 2], parameters: { p: { string_param: "text" } } },
        { name: "y", datatype: "INT8", shape: [0] },
      ],
      outputs: [{ name: "z", parameters: { binary_data: { bool_param: false } } }],
      raw_input_contents: raw,
    });
    assert.equal(
      head,
      `POST /v2/models/a%20model%2F%C3%A9/versions/3/infer\ncontent-type: application/octet-stream\ninference-header-content-length: ${text.length}\n`,
    );
    assert.deepEqual(tensors, raw);
    assert.deepEqual(json, {
      id: "me",
      parameters: { deep: -5, on: true, share: 0.5, binary_data_output: true },
      inputs: [
        { name: "x", datatype: "FP16", shape: [1, 2], parameters: { p: "text", binary_data_size: 4 } },
        { name: "y", datatype: "INT8", shape: [0], parameters: { binary_data_size: 0 } },
      ],
      outputs: [{ name: "z", parameters: { binary_data: true } }],
    });
  });

  test("typed contents of each datatype become binary data", () => {
    const cases: [string, object, string][] = [
      ["BOOL", { bool_contents: [true, false] }, "0100"],
      ["INT8", { int_contents: [-128, 127] }, "807f"],
      ["INT16", { int_contents: [-32768, 1] }, "00800100"],
      ["INT32", { int_contents: [-2147483648, 2147483647] }, "00000080ffffff7f"],
      ["INT64", { int64_contents: ["-9223372036854775808", "-2"] }, "0000000000000080feffffffffffffff"],
      ["UINT8", { uint_contents: [0, 255] }, "00ff"],
      ["UINT16", { uint_contents: [1, 65535] }, "0100ffff"],
      ["UINT32", { uint_contents: [1, 4294967295] }, "01000000ffffffff"],
      ["UINT64", { uint64_contents: ["18446744073709551615", "1"] }, "ffffffffffffffff0100000000000000"],
      ["FP32", { fp32_contents: [1, -0.5] }, "0000803f000000bf"],
      ["FP64", { fp64_contents: [1, -0.5] }, "000000000000f03f000000000000e0bf"],
      ["BYTES", { bytes_contents: [Buffer.from("ab"), Buffer.alloc(0)] }, "02000000616200000000"],
    ];
    for (const [datatype, contents, hex] of cases) {
      const { json, tensors } = asked(input(datatype, contents));
      assert.equal(tensors[0]!.toString("hex"), hex, datatype);
      assert.equal(json.inputs[0].parameters.binary_data_size, hex.length / 2);
    }
  });

  test("numbers that are not packed are the same", () => {
    // Field 6, wire type 5, twice; and field 2 as varints.
    const message = Buffer.from(
      "0a016d2a1e0a01781204465033321a0102" + "2a0a" + "350000803f35000000bf",
      "hex",
    );
    message[4] = message.length - 5;
    const request = requestOf("ModelInfer", message, MAX) as WorkerRequest;
    assert.equal(request.body[1]!.toString("hex"), "0000803f000000bf");
  });

  test("what cannot be is refused, naming the input", () => {
    assert.match(
      refused(input("FP16", { fp32_contents: [1] })),
      /input "x" has datatype "FP16".*raw_input_contents/,
    );
    assert.match(
      refused(input("INT8", { int_contents: [1, 128] })),
      /element 128; allowed for INT8: -128 to 127/,
    );
    assert.match(
      refused(input("UINT8", { int_contents: [1] })),
      /has field 2 of its contents; allowed: uint_contents/,
    );
    assert.match(
      refused(input("INT64", { int64_contents: Array(200_000).fill("1") })),
      /larger than 1000000 bytes/,
    );
    const both = { ...input("FP32", { fp32_contents: [1] }), raw_input_contents: [Buffer.alloc(4)] };
    assert.match(refused(both), /contents beside raw_input_contents/);
    const fewer = {
      model_name: "m",
      inputs: [{ name: "x" }, { name: "y" }],
      raw_input_contents: [Buffer.alloc(4)],
    };
    assert.match(refused(fewer), /raw_input_contents has 1 tensors; inputs has 2/);
    assert.match(refused({ model_name: "m".repeat(5000) }), /5000 characters/);
    const far = {
      model_name: "m",
      inputs: [{ name: "x", datatype: "FP32", shape: ["9223372036854775807"] }],
    };
    assert.match(refused(far), /in its shape/);
  });

  test("a message cut anywhere, or of any bytes, is a request or a refusal", () => {
    const whole = encoded({ ...input("BYTES", { bytes_contents: [Buffer.from("abc")] }), id: "7" });
    for (let to = 0; to < whole.length; to++) requestOf("ModelInfer", whole.subarray(0, to), MAX);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        for (const method of ["ModelInfer", "ModelReady", "ModelMetadata", "ServerLive"])
          requestOf(method, Buffer.from(bytes), MAX);
      }),
    );
  });
});

describe("answers", () => {
  const answer = (method: string, status: number, json: unknown, rest = Buffer.alloc(0)) => {
    const text = Buffer.from(typeof json === "string" ? json : JSON.stringify(json));
    const head = `content-type: application/octet-stream\nInference-Header-Content-Length: ${text.length}\n`;
    return answerOf(method, status, rest.length === 0 ? "" : head, Buffer.concat([text, rest]));
  };

  test("outputs with their bytes", () => {
    const json = {
      ...{ model_name: "m", model_version: "1", id: "7" },
      outputs: [
        { name: "y", datatype: "FP32", shape: [1, 2], parameters: { binary_data_size: 8 } },
        { name: "z", datatype: "BYTES", shape: [-1, 0], parameters: { binary_data_size: 0 } },
      ],
    };
    const message = answer("ModelInfer", 200, json, Buffer.from("12345678"));
    const found = decoded("ModelInfer", message as Buffer);
    assert.deepEqual([found.model_name, found.model_version, found.id], ["m", "1", "7"]);
    assert.deepEqual(
      // biome-ignore lint/suspicious/noExplicitAny: as the other program made it
      found.outputs.map((o: any) => [o.name, o.datatype, o.shape]),
      [
        ["y", "FP32", ["1", "2"]],
        ["z", "BYTES", ["-1", "0"]],
      ],
    );
    assert.deepEqual(found.raw_output_contents, [Buffer.from("12345678"), Buffer.alloc(0)]);
  });

  test("metadata and readiness", () => {
    const tensor = { name: "x", datatype: "FP32", shape: [-1, 4] };
    const facts = { name: "m", versions: ["1"], platform: "p", inputs: [tensor], outputs: [] };
    const found = decoded("ModelMetadata", answer("ModelMetadata", 200, facts) as Buffer);
    assert.deepEqual({ ...found }, { ...facts, inputs: [{ ...tensor, shape: ["-1", "4"] }] });
    const server = { name: "sluice", version: "1.2", extensions: ["a", "b"] };
    assert.deepEqual(
      { ...decoded("ServerMetadata", answer("ServerMetadata", 200, server) as Buffer) },
      server,
    );
    assert.equal(decoded("ServerLive", answer("ServerLive", 200, { live: true }) as Buffer).live, true);
  });

  test("statuses are gRPC's, with the sentence of the error", () => {
    const cases: [number, unknown, number, string][] = [
      [400, { error: "bad" }, GRPC.INVALID_ARGUMENT, "bad"],
      [404, { error: "unknown" }, GRPC.NOT_FOUND, "unknown"],
      [500, "it fell", GRPC.INTERNAL, "it fell"],
      [450, "full", GRPC.RESOURCE_EXHAUSTED, "full"],
      [503, '{"error": 5}', GRPC.UNAVAILABLE, '{"error": 5}'],
    ];
    for (const [status, body, code, text] of cases)
      assert.deepEqual(answer("ModelInfer", status, body), { status: code, text });
    const strange = answer("ModelInfer", 200, { model_name: "m", outputs: [{ name: "y" }] });
    assert.deepEqual(strange, {
      status: GRPC.INTERNAL,
      text: "the worker's answer cannot be read: output y is not binary",
    });
  });

  test("methods are known by their path", () => {
    assert.equal(methodOf("/inference.GRPCInferenceService/ModelInfer"), "ModelInfer");
    for (const path of [
      "/inference.GRPCInferenceService/ModelStreamInfer",
      "/x/ModelInfer",
      "/inference.GRPCInferenceService/toString",
    ])
      assert.equal(methodOf(path), null);
  });
});
