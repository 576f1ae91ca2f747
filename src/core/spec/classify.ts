import { isSame } from "./json-value.ts";
import type { Json, ServiceSpec } from "./service-spec.ts";

/** From the smallest to the largest. */
export type ChangeKind = "nothing" | "scale" | "in-place" | "new-version";

/**
 * What it takes to get from one spec to another (eas-reference §1.0): the largest kind that any difference asks for.
 *
 * - `nothing`: no field that is acted on differs. The document may still have changed, and is stored.
 * - `scale`: the number of instances, and nothing else.
 * - `in-place`: what instances need not be replaced for, perhaps with the number of instances: labels, traffic state, termination
 *   grace, crash block, pace of rolling updates; the gateway's policy, token and check of bodies,
 *   which living instances are told of where they need to know.
 * - `new-version`: anything else that instances see, so they are replaced.
 *
 * Name and group are not looked at: they cannot change, and the caller refuses that.
 */
export function classifyChange(before: ServiceSpec, after: ServiceSpec): ChangeKind {
  if (!isSame(seenByInstances(before), seenByInstances(after))) return "new-version";
  if (!isSame(unseenByInstances(before), unseenByInstances(after))) return "in-place";
  return before.instanceCount === after.instanceCount ? "nothing" : "scale";
}

const seenByInstances = (spec: ServiceSpec) => runBy(spec) as unknown as Json;

/** The part of a spec that an instance is: it stays as it was when the rest of the spec changes. */
export function runBy({
  cpu,
  isCpuAsked,
  memoryMb,
  processor,
  model,
  warmUp,
  rpc,
  isSigtermSent,
}: ServiceSpec): Partial<ServiceSpec> {
  return { cpu, isCpuAsked, memoryMb, processor, model, warmUp, rpc, isSigtermSent };
}

const unseenByInstances = (spec: ServiceSpec) => {
  const { token, isBodyChecked, labels, trafficState, terminationGraceMs, isCrashBlocked, rolling, policy } =
    spec;
  return {
    token,
    isBodyChecked,
    labels,
    trafficState,
    terminationGraceMs,
    isCrashBlocked,
    rolling,
    policy,
  } as unknown as Json;
};
