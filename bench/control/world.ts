/** A large installation as its users would have made it: services, groups, versions, mirrors and events, in a store on disk. */
import { openSqliteStore } from "../../src/adapters/store-sqlite/open.ts";
import { applyChanges } from "../../src/core/change/apply.ts";
import { createService } from "../../src/core/change/create.ts";
import type { Decision } from "../../src/core/change/decision.ts";
import { createMirror } from "../../src/core/change/mirror.ts";
import { finishUpdate } from "../../src/core/change/rollout.ts";
import { updateService } from "../../src/core/change/update.ts";
import type { ServiceName } from "../../src/core/names.ts";
import type { Change, DesiredState, NewEvent, ServiceRecord } from "../../src/core/service.ts";
import { parseSpec } from "../../src/core/spec/parse.ts";
import { desiredOf } from "../../src/testing/records.ts";

export interface WorldSize {
  readonly services: number;
  readonly instances: number;
  readonly versions: number;
  /** In all; a store keeps 1000 for a service and 100,000 in all. */
  readonly events: number;
}

/** Every tenth service stands alone; the others are in groups of so many in turn. */
const GROUP_SIZES = [2, 3, 4, 5, 5];
const CREATED_AT_MS = Date.UTC(2026, 0, 1);
const EVENTS_AT_ONCE = 5_000;

export const serviceName = (i: number) => `model_${String(i).padStart(5, "0")}` as ServiceName;

/** A service.json of 1 to 3 kB. */
export function documentOf(i: number, { count, group, version }: Asked): Record<string, unknown> {
  const settings = {
    features: Array.from({ length: 20 + (i % 60) }, (_, k) => `feature_${k}_of_${i}`),
    version,
  };
  return {
    name: serviceName(i),
    processor_type: "python",
    processor_path: `/srv/processors/team_${i % 40}/app_${i}`,
    processor_entry: "app.py",
    model_path: `/srv/models/team_${i % 40}/model_${i}_v${version}`,
    model_config: JSON.stringify(settings),
    labels: {
      team: `team_${i % 40}`,
      stage: i % 3 === 0 ? "production" : "staging",
      owner: `owner_${i % 97}@example.org`,
      cost_center: String(1000 + (i % 13)),
    },
    metadata: {
      instance: count,
      cpu: 1,
      memory: 512,
      ...(group === null ? {} : { group }),
      rpc: { keepalive: 5000 + (i % 7) * 1000, worker_threads: 4, max_queue_size: 64 },
    },
  };
}

interface Asked {
  readonly count: number;
  readonly group: string | null;
  readonly version: number;
}

/** Which group each service is in; null: none. */
export function groupNames(services: number): (string | null)[] {
  const names: (string | null)[] = [];
  for (let group = 0; names.length < services; group++) {
    if (group % 3 === 0) names.push(null);
    for (let left = GROUP_SIZES[group % GROUP_SIZES.length]!; left > 0; left--)
      names.push(`group_${String(group).padStart(4, "0")}`);
  }
  return names.slice(0, services);
}

/** Instances of each service: some have many, most have few. */
export function instanceCounts({ services, instances }: WorldSize): number[] {
  const shares = Array.from({ length: services }, (_, i) => (i % 20 === 0 ? 60 : 5 + (i % 5)));
  const sum = shares.reduce((a, b) => a + b, 0);
  const counts = shares.map((share) => Math.max(1, Math.floor((share * instances) / sum)));
  for (
    let i = 0, left = instances - counts.reduce((a, b) => a + b, 0);
    left > 0;
    i = (i + 1) % services, left--
  )
    counts[i]! += 1;
  return counts;
}

/** All that is wanted, made by the same functions as commands. */
export function desiredWorld(size: WorldSize): DesiredState {
  let state: DesiredState = desiredOf();
  let nowMs = CREATED_AT_MS;
  const context = () => {
    nowMs += 60_000;
    const id = nowMs.toString(16).padStart(20, "0");
    return { nowMs, serviceId: `eas-m-${id}`, serviceToken: `${id}${id}`, groupToken: `${id}${id}` };
  };
  const take = ({ changes }: Decision<ServiceRecord>) => {
    state = applyChanges(state, changes);
  };
  const groups = groupNames(size.services);
  const counts = instanceCounts(size);
  for (let i = 0; i < size.services; i++) {
    const name = serviceName(i);
    const document = (version: number) =>
      parseSpec(documentOf(i, { count: counts[i]!, group: groups[i]!, version }));
    take(createService(state, document(1), context()));
    for (let version = 2; version <= size.versions; version++) {
      take(updateService(state, { name, after: document(version), reach: "new-version" }, context()));
      const { generation } = state.services.get(name)!;
      state = applyChanges(state, finishUpdate(state, name, generation));
    }
    if (i % 10 === 9)
      take(createMirror(state, { name, ratio: 10, targets: [serviceName(i - 1)] }, context()));
  }
  return state;
}

/** Writes the world into a new store. */
export async function fillStore(file: string, size: WorldSize): Promise<void> {
  const { services, groups, versions } = desiredWorld(size);
  const store = openSqliteStore(file);
  const changes: Change[] = [
    ...[...groups.values()].map((record) => ({ kind: "put-group", record }) as const),
    ...[...services.values()].map((record) => ({ kind: "put-service", record }) as const),
    ...[...versions.values()].flat().map((version) => ({ kind: "put-version", version }) as const),
  ];
  await store.commit(0, changes);
  for (let at = 0; at < size.events; at += EVENTS_AT_ONCE) {
    const length = Math.min(EVENTS_AT_ONCE, size.events - at);
    await store.addEvents(Array.from({ length }, (_, k) => eventAt(at + k, size)));
  }
  await store.close();
}

function eventAt(i: number, { services }: WorldSize): NewEvent {
  const service = serviceName(i % services);
  return {
    service,
    atMs: CREATED_AT_MS + i * 1000,
    type: i % 50 === 0 ? "Warning" : "Normal",
    reason: "InstanceReady",
    resource: "Instance",
    instance: `${service}-v1-${i % 7}` as NewEvent["instance"],
    message: `Instance [${service}-v1-${i % 7}] is ready after ${i % 900} ms`,
    facts: {
      from: "Creating",
      to: "Running",
      version: 1,
      generation: 3,
      wantedCount: 10,
      servingCount: i % 10,
    },
  };
}
