import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSpec } from "./parse.ts";
import { FAMILIES, insteadOf, isBuiltinCode, KNOWN_CODES, readyProcessor } from "./processors.ts";
import { isPinned } from "./requirements.ts";

/** All codes of eas-reference §5.1. */
const LISTED = [
  "pmml",
  ...["1.12", "1.14", "1.15", "2.3", "2.4", "2.7"].map((v) => `tensorflow_cpu_${v}`),
  "tensorflow_cpu",
  ...["1.12", "1.14", "1.15", "2.4", "2.7"].map((v) => `tensorflow_gpu_${v}`),
  ...["1.6", "1.7", "1.9", "1.10"].flatMap((v) => [`pytorch_cpu_${v}`, `pytorch_gpu_${v}`]),
  "caffe_cpu",
  "caffe_gpu",
  "xgboost",
  "onnx_cu100",
  ...[
    "easyrec",
    "easyrec-1.2",
    "easyrec-2.4",
    "easyrec-torch-1.0",
    "easyrec-torch-1.12",
    "easyrec-torch-2.1",
  ],
  ...["parameter_server", "parameter_sever", "alink_pai_processor", "xnn_cpu"],
  ...["easy_vision_cpu_tf1.12_torch151", "easy_vision_gpu_tf1.12_torch151"],
  ...["easytransfer_cpu", "easytransfer_gpu", "easynlp", "easycv", "blade_cpu", "blade_cuda10.0_beta"],
  ...["mediaflow", "triton"],
];

test("every code of the reference is run here, or told what to use instead", () => {
  for (const code of LISTED) {
    assert(isBuiltinCode(code), code);
    if (readyProcessor(code) === null) assert.match(insteadOf(code)!, /^[a-z].*[^.]$/, code);
  }
});

test("what is told to be used instead is known here", () => {
  for (const code of LISTED) {
    for (const [, named] of (insteadOf(code) ?? "").matchAll(/"([^"]+)"/g))
      assert(KNOWN_CODES.includes(named!), `${code}: ${named}`);
  }
  assert.match(insteadOf("easyrec-torch-1.0")!, /TorchScript/);
  assert.match(insteadOf("easyrec-2.4")!, /SavedModel/);
});

test("a code is known with any version behind it, and no other word that begins alike", () => {
  for (const code of ["xgboost", "xgboost_1.7", "xgboost-2.1", "lightgbm_4.0", "sklearn-1.5", "sklearn_cpu"])
    assert.notEqual(readyProcessor(code), null, code);
  for (const code of ["xgboosted", "sklearner", "pmmlx", "", "x"])
    assert.equal(isBuiltinCode(code), false, code);
});

test("every package that a family brings is pinned to one version", () => {
  for (const { family, requirements, ...rest } of FAMILIES)
    for (const line of [...requirements, ...("gpuRequirements" in rest ? rest.gpuRequirements : [])])
      assert(isPinned(line), `${family}: ${line}`);
});

test("a code for GPUs says so, and no other does", () => {
  for (const code of LISTED) {
    const ready = readyProcessor(code, 1);
    if (ready !== null) assert.equal(ready.isGpu, /gpu|_cu\d/.test(code), code);
  }
});

test("metadata.gpu chooses the packages of a code for GPUs, and does nothing for any other", () => {
  const parsed = (processor: string, gpu?: number) => {
    const metadata = { instance: 1, ...(gpu === undefined ? {} : { gpu }) };
    const { spec, notEffective } = parseSpec({ name: "a", processor, model_path: "/m", metadata });
    assert(spec.processor.kind === "builtin");
    const paths = notEffective.map((field) => field.path);
    return { gpus: spec.processor.gpus, first: spec.processor.requirements!.lines[0], notEffective: paths };
  };
  const withGpu = { gpus: 1, first: "onnxruntime-gpu[cuda,cudnn]==1.31.1", notEffective: [] };
  const without = { gpus: 0, first: "onnxruntime==1.31.1", notEffective: [] };
  assert.deepEqual(parsed("onnx_cu100", 1), withGpu);
  assert.deepEqual(parsed("onnx_cu100", 0), without);
  assert.deepEqual(parsed("onnx_cu100"), without);
  assert.deepEqual(parsed("onnx", 1), { ...without, gpus: undefined, notEffective: ["$.metadata.gpu"] });
});
