import { ServingError } from "../core/errors.ts";
import { explainService } from "../core/explain/explain.ts";
import type { ExplainInput, GroupView } from "../core/explain/explain-input.ts";
import { explainInstance } from "../core/explain/explain-instance.ts";
import type { Explanation, Finding } from "../core/explain/finding.ts";
import type { InstanceId, ServiceName } from "../core/names.ts";
import { initialStatus } from "../core/plan/fresh-status.ts";
import type { NewEvent, ServiceRecord, ServiceStatus } from "../core/service.ts";
import type { RuntimeDriver } from "../ports/runtime.ts";
import type { Store } from "../ports/store.ts";
import type { Picture } from "./control-plane.ts";
import type { Known } from "./known.ts";
import type { Metrics } from "./metrics.ts";
import type { Publisher } from "./publisher.ts";

export interface ExplainerDeps {
  readonly store: Store;
  readonly runtime: RuntimeDriver;
  readonly known: Known;
  readonly publisher: Publisher;
  readonly metrics: Metrics;
  readonly read: () => Promise<Picture>;
  /** The time that statuses are in. */
  readonly steadyNow: () => number;
}

/** Lines shown of the log of one instance in trouble, and of how many instances. */
const TAIL_LINES = 5;
const TAILS_MAX = 5;
/** Longest line shown. */
const LINE_CHARS_MAX = 300;
/** Limits that were met are looked for so far back. */
const LIMITS_SECONDS = 60;
/** Events looked through for the command that stopped or deleted a service. */
const EVENTS_LOOKED_AT = 200;
const STOPPING = ["Stopping", "Deleting"];

/** Gathers what an explanation is made from, in one look; core/explain makes it. */
export class Explainer {
  readonly #deps: ExplainerDeps;

  constructor(deps: ExplainerDeps) {
    this.#deps = deps;
  }

  /** @throws ServingError SERVICE_NOT_FOUND */
  async service(name: ServiceName): Promise<Explanation> {
    return explainService(await this.#input(name));
  }

  /** @throws ServingError SERVICE_NOT_FOUND, INSTANCE_NOT_FOUND */
  async instance(name: ServiceName, id: InstanceId): Promise<Finding> {
    const input = await this.#input(name);
    const instance = input.status.instances.find((i) => i.id === id);
    if (instance === undefined)
      throw new ServingError("INSTANCE_NOT_FOUND", { service: name, instances: [id] });
    return explainInstance(instance, input);
  }

  async #input(name: ServiceName): Promise<ExplainInput> {
    const { known, publisher, read, steadyNow } = this.#deps;
    const picture = await read();
    const record = picture.state.services.get(name);
    if (record === undefined) throw new ServingError("SERVICE_NOT_FOUND", { service: name });
    const status = picture.statuses.get(name) ?? initialStatus(record);
    return {
      record,
      spec: known.specOf(record),
      status,
      group: groupView(record, picture),
      gateways: publisher.views(),
      tails: await this.#tails(status),
      limits: this.#limits(name),
      command: record.desired === "running" ? null : await this.#command(name),
      nowMs: steadyNow(),
    };
  }

  async #tails(status: ServiceStatus): Promise<Map<InstanceId, readonly string[]>> {
    const failed = status.instances.filter((i) => !i.isReady && i.failuresInARow > 0).slice(0, TAILS_MAX);
    const tails = new Map<InstanceId, readonly string[]>();
    for (const { id } of failed) {
      const lines: string[] = [];
      const options = { lines: TAIL_LINES, isFollowing: false };
      for await (const line of this.#deps.runtime.logs(id, options, new AbortController().signal))
        lines.push(line.length > LINE_CHARS_MAX ? `${line.slice(0, LINE_CHARS_MAX)}…` : line);
      tails.set(id, lines);
    }
    return tails;
  }

  #limits(name: ServiceName): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const { samples } of this.#deps.metrics.last(LIMITS_SECONDS)) {
      for (const { limits } of samples.filter((s) => s.service === name)) {
        for (const [limit, count] of Object.entries(limits ?? {})) {
          if (!limit.endsWith(".evaluated")) sums[limit] = (sums[limit] ?? 0) + count;
        }
      }
    }
    return sums;
  }

  async #command(name: ServiceName): Promise<NewEvent | null> {
    const all = {
      service: name,
      fromMs: 0,
      toMs: Number.MAX_SAFE_INTEGER,
      offset: 0,
      limit: EVENTS_LOOKED_AT,
    };
    const { events } = await this.#deps.store.listEvents(all);
    return events.find((e) => STOPPING.includes(e.reason)) ?? null;
  }
}

function groupView(record: ServiceRecord, { state, shares }: Picture): GroupView | null {
  const group = record.group === null ? undefined : state.groups.get(record.group);
  if (group === undefined) return null;
  const percents = new Map(shares.get(group.name)?.map((s) => [s.name, s.percent]));
  const members = [...state.services.values()]
    .filter((s) => s.group === group.name && s.desired !== "deleted")
    .map((s) => ({
      name: s.name,
      trafficState: s.trafficState,
      weight: s.weight,
      percent: percents.get(s.name) ?? 0,
    }));
  return { record: group, members };
}
