/**
 * Back to what was wanted when a backup was made. What is not there any more comes as it was, with its versions and tokens. What is there
 * is *updated* to the document of then, like any update: its history goes on, instances are replaced make before break and only
 * where the document asks for it, and its tokens stay those of now, so that none that was revoked opens anything again. What came later goes.
 */
import { ServingError } from "../errors.ts";
import type { GroupName, ServiceName } from "../names.ts";
import type { Change, DesiredState, GroupRecord, ServiceRecord, ServiceVersion } from "../service.ts";
import { isSame } from "../spec/json-value.ts";
import { parseStored } from "../spec/parse.ts";
import type { Json, JsonObject } from "../spec/service-spec.ts";
import { applyChanges } from "./apply.ts";
import {
  advance,
  type ChangeContext,
  type Decision,
  findLasting,
  metadataOf,
  refuseLocked,
  serviceEvent,
  withMetadata,
} from "./decision.ts";
import { applyTraffic, membersOf } from "./membership.ts";
import { reachOf } from "./reach.ts";
import { removeService } from "./remove.ts";
import { setSafetyLock } from "./safety-lock.ts";
import { startService } from "./start.ts";
import { stopService } from "./stop.ts";
import { updateService } from "./update.ts";

/** What was wanted at one time. */
export interface Backup {
  /** Wall clock, ms since 1970. */
  readonly madeAtMs: number;
  readonly services: readonly ServiceRecord[];
  readonly groups: readonly GroupRecord[];
  readonly versions: readonly ServiceVersion[];
}

export type RestoreOutcome = "created" | "changed" | "removed" | "unchanged";

/** What a restore makes of each service and group, by name. */
export interface RestoreReport {
  readonly services: readonly { readonly name: ServiceName; readonly outcome: RestoreOutcome }[];
  readonly groups: readonly { readonly name: GroupName; readonly outcome: RestoreOutcome }[];
}

/**
 * The changes that bring what is wanted back to `backup`, all or none. Twice is the same as once.
 * @throws ServingError RESTORE_REFUSED with every service that stands in the way: one that is locked, still being deleted, in another group than
 * then, or whose address another one has; or whose document this build cannot run
 */
export function restoreBackup(
  state: DesiredState,
  backup: Backup,
  context: ChangeContext,
): Decision<RestoreReport> {
  const restoring = new Restoring(state, context);
  // One that was about to go is no longer wanted: as if it had been gone.
  const services = backup.services.filter((s) => s.desired !== "deleted");
  const wanted = new Set(services.map((s) => s.name));
  restoring.refuseTakenAddresses(services, backup.groups);

  for (const { name, desired } of state.services.values()) {
    if (desired === "deleted" || wanted.has(name)) continue;
    restoring.attempt(name, () => removeService(restoring.state, name, context));
  }
  for (const group of backup.groups) restoring.bringGroup(group);
  for (const then of services) {
    if (state.services.has(then.name)) restoring.attempt(then.name, () => restoring.update(then));
    else
      restoring.create(
        then,
        backup.versions.filter((v) => v.service === then.name),
      );
  }
  for (const group of backup.groups) restoring.setTraffic(group, services);
  for (const then of services) restoring.attempt(then.name, () => restoring.finish(then));
  restoring.dropGroups(new Set(backup.groups.map((g) => g.name)));
  return restoring.decision(backup, services);
}

/** The state as it becomes, change by change, and what stands in the way. */
class Restoring {
  state: DesiredState;
  readonly #before: DesiredState;
  readonly #context: ChangeContext;
  readonly #changes: Change[] = [];
  /** By service or group, why not. */
  readonly #refusals = new Map<string, string>();

  constructor(before: DesiredState, context: ChangeContext) {
    this.#before = before;
    this.#context = context;
    this.state = before;
  }

  /** Goes on after a refusal, so that all of them are told; the first one of each service. */
  attempt(name: ServiceName, decide: () => { readonly changes: readonly Change[] }): void {
    if (this.#refusals.has(name)) return;
    try {
      this.#take(decide().changes);
    } catch (error) {
      if (!(error instanceof ServingError)) throw error;
      this.#refuse(name, `service ${name}: ${error.message}`);
    }
  }

  /** Services and groups share one space of addresses; what goes keeps its own until it is gone. */
  refuseTakenAddresses(services: readonly ServiceRecord[], groups: readonly GroupRecord[]): void {
    for (const { name } of services) {
      if (this.state.groups.has(name as string as GroupName))
        this.#refuse(name, `service ${name}: its address belongs to group ${name} now`);
    }
    for (const { name } of groups) {
      if (this.state.services.has(name as string as ServiceName))
        this.#refuse(name, `group ${name}: its address belongs to service ${name} now`);
    }
  }

  /** Its settings as they were; its tokens as they are, when it is there. */
  bringGroup(then: GroupRecord): void {
    const now = this.state.groups.get(then.name);
    if (now === undefined) {
      this.#take([{ kind: "put-group", record: then }]);
      return;
    }
    const { labels, isExplicit, sticky = null } = then;
    const nowSettings = { labels: now.labels, isExplicit: now.isExplicit, sticky: now.sticky ?? null };
    if (isSame(nowSettings as unknown as Json, { labels, isExplicit, sticky } as unknown as Json)) return;
    const record = { ...now, labels, isExplicit, sticky, updatedAtMs: this.#context.nowMs };
    this.#take([{ kind: "put-group", record }]);
  }

  /** A service that is there gets the document of then, and runs or is stopped as then. */
  update(then: ServiceRecord): { readonly changes: readonly Change[] } {
    const { name } = then;
    const before = findLasting(this.state, name);
    const document = asOfNow(then.document, before);
    if (!isSame(document, before.document)) {
      const after = parseStored(document);
      const request = { name, after, reach: reachOf(before, after) };
      this.#take(updateService(this.state, request, this.#context).changes);
    }
    if (then.desired === before.desired) return { changes: [] };
    const decide = then.desired === "stopped" ? stopService : startService;
    return decide(this.state, name, this.#context);
  }

  /** A service that is not there comes with its versions and tokens. Orders about instances meant ones that are gone. */
  create(then: ServiceRecord, versions: readonly ServiceVersion[]): void {
    this.attempt(then.name, () => {
      parseStored(then.document); // for what it refuses
      const { isolated: _, detached: __, softRestarts: ___, ...lasting } = then;
      const record = { ...lasting, generation: then.generation + 1, updatedAtMs: this.#context.nowMs };
      const stored = versions.map((version): Change => ({ kind: "put-version", version }));
      return { changes: [{ kind: "put-service", record }, ...stored] };
    });
  }

  /** All members are those of then by now, so its mode and weights mean what they meant then. */
  setTraffic({ name, mode }: GroupRecord, services: readonly ServiceRecord[]): void {
    const group = this.state.groups.get(name)!;
    const then = new Map(services.map((s) => [s.name, s]));
    const members = membersOf(this.state, name);
    if (members.some((member) => then.get(member.name)?.group !== name)) return; // refused already
    const after = members.map((member) => ({
      ...member,
      ...pickTraffic(then.get(member.name)!),
      instanceCount: 0,
    }));
    this.#take(applyTraffic(this.state, group, { mode, members: after }, this.#context.nowMs).changes);
  }

  /** Mirror and lock come last: mirrors need their targets, and a lock would have refused the rest. */
  finish(then: ServiceRecord): { readonly changes: readonly Change[] } {
    const { name } = then;
    const { nowMs } = this.#context;
    const known = this.#before.services.get(name);
    const now = this.state.services.get(name)!;
    if (known !== undefined && !isSame(asJson(now.mirror), asJson(then.mirror)))
      this.#take([{ kind: "put-service", record: advance(now, nowMs, { mirror: then.mirror ?? null }) }]);
    if (known !== undefined && this.state.services.get(name) !== known) refuseLocked(known, false);
    if (known !== undefined)
      this.#take(setSafetyLock(this.state, { name, lock: then.lock ?? "none" }, this.#context).changes);
    if (this.state.services.get(name) === known) return { changes: [] };
    const text = `Service [${name}] is as a backup of version ${then.version} has it`;
    return { changes: [serviceEvent(name, nowMs, "Restored", text)] };
  }

  /** Groups that came later go; with the last member, where members are about to go. */
  dropGroups(kept: ReadonlySet<GroupName>): void {
    for (const group of this.state.groups.values()) {
      if (kept.has(group.name)) continue;
      const isEmpty = ![...this.state.services.values()].some((s) => s.group === group.name);
      if (isEmpty) this.#take([{ kind: "remove-group", name: group.name }]);
      else if (group.isExplicit)
        this.#take([
          { kind: "put-group", record: { ...group, isExplicit: false, updatedAtMs: this.#context.nowMs } },
        ]);
    }
  }

  /** @throws ServingError RESTORE_REFUSED */
  decision(backup: Backup, services: readonly ServiceRecord[]): Decision<RestoreReport> {
    if (this.#refusals.size > 0)
      throw new ServingError("RESTORE_REFUSED", { reasons: [...this.#refusals.values()] });
    const wanted = new Set<string>([...services, ...backup.groups].map((r) => r.name));
    const outcomes = <N extends string>(before: ReadonlyMap<N, unknown>, after: ReadonlyMap<N, unknown>) =>
      [...new Set([...before.keys(), ...after.keys()])].sort().map((name) => ({
        name,
        outcome: outcomeOf(before.get(name), after.get(name), wanted.has(name)),
      }));
    const record: RestoreReport = {
      services: outcomes(this.#before.services, this.state.services),
      groups: outcomes(this.#before.groups, this.state.groups),
    };
    return { record, changes: this.#changes, summary: summaryOf(backup, record) };
  }

  #refuse(name: string, why: string): void {
    if (!this.#refusals.has(name)) this.#refusals.set(name, why);
  }

  #take(changes: readonly Change[]): void {
    if (changes.length === 0) return;
    this.#changes.push(...changes);
    this.state = applyChanges(this.state, changes);
  }
}

/** e.g. `back to the backup of 2026-01-02T03:04:05Z: created a, b; removed c` */
function summaryOf({ madeAtMs }: Backup, { services, groups }: RestoreReport): string {
  const all = [
    ...services.map(({ name, outcome }) => ({ name: name as string, outcome })),
    ...groups.map(({ name, outcome }) => ({ name: `group ${name}`, outcome })),
  ];
  const parts = (["created", "changed", "removed"] as const).flatMap((outcome) => {
    const names = all.filter((one) => one.outcome === outcome).map((one) => one.name);
    return names.length === 0 ? [] : [`${outcome} ${names.join(", ")}`];
  });
  return [
    `back to the backup of ${new Date(madeAtMs).toISOString().replace(/\.\d+Z$/, "Z")}: ${parts.shift() ?? "nothing"}`,
    ...parts,
  ].join("; ");
}

function outcomeOf(before: unknown, after: unknown, isWanted: boolean): RestoreOutcome {
  if (!isWanted) return "removed";
  if (before === undefined) return "created";
  return before === after ? "unchanged" : "changed";
}

/** The document of then with what belongs to the service of now: its token, and its part in traffic, which {@link Restoring.setTraffic} sets for all. */
function asOfNow(document: JsonObject, now: ServiceRecord): JsonObject {
  const stated = metadataOf(now.document).traffic_state;
  const withToken = document.token === undefined ? document : { ...document, token: now.token };
  if (stated !== undefined) return withMetadata(withToken, { traffic_state: stated });
  const { traffic_state: _, ...metadata } = metadataOf(withToken);
  return { ...withToken, metadata };
}

const pickTraffic = ({ trafficState, weight }: ServiceRecord) => ({ trafficState, weight });
const asJson = (value: unknown): Json => (value ?? null) as Json;
