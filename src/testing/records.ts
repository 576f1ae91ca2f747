/** Records and specs for tests: small, valid, and each field can be replaced. */
import type { AccessKeyRecord } from "../core/access/access-key.ts";
import type { GroupName, ServiceName } from "../core/names.ts";
import type { DesiredState, GroupRecord, ServiceRecord, ServiceVersion } from "../core/service.ts";
import type { JsonObject, ParsedSpec, ServiceSpec } from "../core/spec/service-spec.ts";

export const serviceName = (name: string) => name as ServiceName;
export const groupName = (name: string) => name as GroupName;

/** A spec with a custom processor in a folder, and what is given in place of its defaults. */
export function specOf(change: Partial<ServiceSpec> & { readonly name: ServiceName }): ServiceSpec {
  return {
    group: null,
    trafficState: "grouping",
    instanceCount: 1,
    cpu: 1,
    isCpuAsked: true,
    memoryMb: 1000,
    token: null,
    processor: { kind: "custom", language: "python", source: { kind: "path", path: "/p" }, entry: "app.py" },
    model: { source: null, entry: null, config: null },
    warmUp: null,
    rpc: { workerThreads: 5, maxQueueSize: 64, keepaliveMs: 5000 },
    labels: {},
    isBodyChecked: true,
    protocol: "http",
    isCrashBlocked: false,
    terminationGraceMs: 30_000,
    isSigtermSent: false,
    rolling: { surge: { kind: "percent", percent: 2 }, unavailable: { kind: "count", count: 0 } },
    policy: null,
    ...change,
  };
}

/** The canonical document of {@link specOf}, as the real parser reads it back. */
export function documentOf(spec: ServiceSpec, isTrafficStateGiven = false): JsonObject {
  return {
    processor_path: "/p",
    processor_entry: "app.py",
    processor_type: "python",
    ...(spec.token === null ? {} : { token: spec.token }),
    metadata: {
      name: spec.name,
      instance: spec.instanceCount,
      cpu: spec.cpu,
      memory: spec.memoryMb,
      ...(spec.group === null ? {} : { group: spec.group }),
      ...(isTrafficStateGiven ? { traffic_state: spec.trafficState } : {}),
    },
  };
}

/** Spec and document together. */
export function parsedOf(
  change: Partial<ServiceSpec> & { readonly name: ServiceName },
  isTrafficStateGiven = change.trafficState !== undefined,
): ParsedSpec {
  const spec = specOf(change);
  return { spec, document: documentOf(spec, isTrafficStateGiven), notEffective: [] };
}

/** A running service at version 1. */
export function recordOf(
  name: string,
  change: Partial<ServiceRecord> & { readonly instanceCount?: number } = {},
): ServiceRecord {
  const { instanceCount = 1, ...rest } = change;
  const group = rest.group ?? null;
  return {
    name: serviceName(name),
    id: `eas-m-${name}`,
    group,
    generation: 1,
    desired: "running",
    document: documentOf(specOf({ name: serviceName(name), instanceCount, group })),
    token: `token-${name}`,
    tokenNumber: 1,
    tokenAddedAtMs: 0,
    olderTokens: [],
    version: 1,
    latestVersion: 1,
    epoch: 0,
    retiredSlots: [],
    trafficState: "grouping",
    weight: null,
    createdAtMs: 0,
    updatedAtMs: 0,
    ...rest,
  };
}

/** A group that appeared with its first member. */
export function groupOf(name: string, change: Partial<GroupRecord> = {}): GroupRecord {
  return {
    name: groupName(name),
    token: `token-${name}`,
    tokenNumber: 1,
    tokenAddedAtMs: 0,
    olderTokens: [],
    mode: "auto",
    labels: {},
    isExplicit: false,
    createdAtMs: 0,
    updatedAtMs: 0,
    ...change,
  };
}

/** Everything that is wanted, from lists. */
export function desiredOf(
  services: readonly ServiceRecord[] = [],
  groups: readonly GroupRecord[] = [],
  versions: readonly ServiceVersion[] = [],
  accessKeys: readonly AccessKeyRecord[] = [],
): DesiredState {
  const byService = new Map<ServiceName, ServiceVersion[]>();
  for (const v of versions) byService.set(v.service, [...(byService.get(v.service) ?? []), v]);
  return {
    services: new Map(services.map((s) => [s.name, s])),
    groups: new Map(groups.map((g) => [g.name, g])),
    versions: byService,
    accessKeys: new Map(accessKeys.map((k) => [k.id, k])),
  };
}
