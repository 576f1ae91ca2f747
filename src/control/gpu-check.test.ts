import assert from "node:assert/strict";
import { test } from "node:test";
import { ServingError } from "../core/errors.ts";
import { parseSpec } from "../core/spec/parse.ts";
import type { ServiceSpec } from "../core/spec/service-spec.ts";
import { refuseMissingGpus } from "./gpu-check.ts";

const { spec } = parseSpec({ name: "a", processor: "pmml", model_path: "/m", metadata: { instance: 1 } });
const asking = (gpus?: number): ServiceSpec => ({
  ...spec,
  processor: {
    kind: "builtin",
    code: "tensorflow_gpu_2.7",
    family: "pmml",
    ...(gpus === undefined ? {} : { gpus }),
  },
});

/** What `metadata.gpu` may be, as the refusal says it; null: nothing is refused. */
function refusal(gpus: number | undefined, there: number): string | null {
  try {
    refuseMissingGpus(asking(gpus), () => there);
    return null;
  } catch (error) {
    assert(error instanceof ServingError && error.code === "INVALID_SPEC");
    const { problems } = error.facts as { problems: { path: string; found: string; allowed: string }[] };
    assert.equal(problems[0]!.path, "$.metadata.gpu");
    assert.equal(problems[0]!.found, String(gpus));
    return problems[0]!.allowed;
  }
}

test("GPUs that the machine has, and none at all, may be asked for", () => {
  assert.equal(refusal(undefined, 0), null);
  assert.equal(refusal(0, 0), null);
  assert.equal(refusal(2, 2), null);
});

test("more than the machine has are refused, saying what the processor does without", () => {
  assert.equal(
    refusal(1, 0),
    '0: this machine has no GPU; with 0, or without the field, "tensorflow_gpu_2.7" runs on the CPU',
  );
  assert.match(refusal(2, 1)!, /^0 to 1: this machine has one GPU; /);
});
