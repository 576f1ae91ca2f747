import { ServingError } from "../core/errors.ts";
import type { ServiceSpec } from "../core/spec/service-spec.ts";

/**
 * Refuses a service that asks for more GPUs than this machine has: it could never run here, and its packages are some GB.
 * @throws ServingError INVALID_SPEC
 */
export function refuseMissingGpus({ processor }: ServiceSpec, gpuCount: () => number): void {
  if (processor.kind !== "builtin" || processor.gpus === undefined || processor.gpus === 0) return;
  const there = gpuCount();
  if (processor.gpus <= there) return;
  const has = there === 0 ? "no GPU" : there === 1 ? "one GPU" : `${there} GPUs`;
  const allowed = `${there === 0 ? "0" : `0 to ${there}`}: this machine has ${has}; with 0, or without the field, "${processor.code}" runs on the CPU`;
  throw new ServingError("INVALID_SPEC", {
    problems: [{ path: "$.metadata.gpu", found: String(processor.gpus), allowed }],
  });
}
