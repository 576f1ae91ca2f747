import type { AccessKeyRecord, KeptSecret } from "../core/access/access-key.ts";
import { auditOf, changeText, targetOf } from "../core/access/audit-change.ts";
import type { AuditEntry } from "../core/access/audit-entry.ts";
import type { Actor } from "../core/access/caller.ts";
import { decideFor, visibleState } from "../core/access/scope.ts";
import {
  type AccessKeyOrder,
  createAccessKey,
  removeAccessKey,
  rotateAccessKey,
} from "../core/change/access-keys.ts";
import { type Additions, withAdditions } from "../core/change/additions.ts";
import { applyChanges } from "../core/change/apply.ts";
import { cloneSpec } from "../core/change/clone.ts";
import { createService } from "../core/change/create.ts";
import type { ChangeContext, Decision } from "../core/change/decision.ts";
import { findLasting } from "../core/change/decision.ts";
import { deleteInstances } from "../core/change/delete-instances.ts";
import { createGroup, deleteGroup, updateGroup } from "../core/change/group.ts";
import { changeLabels, type LabelRequest } from "../core/change/labels.ts";
import { createMirror, deleteMirror, type MirrorRequest, updateMirror } from "../core/change/mirror.ts";
import { previewUpdate, type UpdatePreview } from "../core/change/preview.ts";
import { reachOf } from "../core/change/reach.ts";
import { release } from "../core/change/release.ts";
import { removeService } from "../core/change/remove.ts";
import { restartService } from "../core/change/restart.ts";
import { type Backup, type RestoreReport, restoreBackup } from "../core/change/restore.ts";
import { createRollout, deleteRollout, type RolloutRequest, updateRollout } from "../core/change/rollout.ts";
import { setSafetyLock } from "../core/change/safety-lock.ts";
import { scaleService } from "../core/change/scale.ts";
import { softRestart } from "../core/change/soft-restart.ts";
import { startService } from "../core/change/start.ts";
import { stopService } from "../core/change/stop.ts";
import { switchVersion } from "../core/change/switch-version.ts";
import {
  addGroupToken,
  addServiceToken,
  revokeGroupToken,
  revokeServiceToken,
} from "../core/change/tokens.ts";
import { updateService } from "../core/change/update.ts";
import { type InstanceOrders, updateInstance } from "../core/change/update-instance.ts";
import type { ValidateRequest } from "../core/change/validate.ts";
import { ServingError } from "../core/errors.ts";
import type { GroupName, InstanceId, ServiceName } from "../core/names.ts";
import type { Change, DesiredState, GroupRecord, SafetyLock, ServiceRecord } from "../core/service.ts";
import { parseSpec } from "../core/spec/parse.ts";
import type { ParsedSpec } from "../core/spec/service-spec.ts";
import type { NotEffectiveField } from "../core/spec/standings.ts";
import { type UpdateMode, updatedSpec } from "../core/spec/updated.ts";
import type { Clock } from "../ports/clock.ts";
import type { FileCache } from "../ports/files.ts";
import type { Random } from "../ports/random.ts";
import type { Store } from "../ports/store.ts";
import type { Accepted, DocumentReport, GroupUpdate, Release } from "./control-plane.ts";
import { reportOn } from "./document-report.ts";
import { refuseMissingGpus } from "./gpu-check.ts";
import type { Known } from "./known.ts";
import type { NodeRoom } from "./node-room.ts";
import type { Decided } from "./scoped-control.ts";
import { runnableOf } from "./version-check.ts";

/** Times a command is decided anew because another one was committed first. */
const ATTEMPTS_MAX = 5;
/** Random bytes of a token: 160 bits, as hex of 40 characters. */
const TOKEN_BYTES = 20;
const SERVICE_ID_BYTES = 10;

export interface CommandsDeps {
  readonly store: Store;
  readonly known: Known;
  readonly clock: Clock;
  readonly random: Random;
  readonly files: FileCache;
  readonly room: NodeRoom;
  readonly gpuCount: () => number;
  /** Versions kept of each service. */
  readonly versionsKept: number;
  /** What was committed; wakes whoever has to act on it. */
  readonly onCommitted: (changes: readonly Change[]) => void;
}

/** The commands of one process wait for each other, whoever gives them. */
interface Turns {
  /** Resolves when the last command is done. */
  last: Promise<unknown>;
}

/** Commands: read what is wanted, decide with core/change, commit all or nothing, and wake. */
export class Commands implements Decided {
  readonly #deps: CommandsDeps;
  readonly #actor: Actor | null;
  readonly #turns: Turns;

  /** `actor`: for whom; null: for the system itself, which is not restricted, and whose changes are told by events alone. */
  constructor(deps: CommandsDeps, actor: Actor | null = null, turns: Turns = { last: Promise.resolve() }) {
    this.#deps = deps;
    this.#actor = actor;
    this.#turns = turns;
  }

  /** The same for a caller. */
  as(actor: Actor): Decided {
    const own = new Commands(this.#deps, actor, this.#turns);
    const methods = Object.getOwnPropertyNames(Commands.prototype).filter((name) => name !== "constructor");
    return Object.fromEntries(
      (methods as (keyof Commands)[]).map((name) => [name, own[name].bind(own)]),
    ) as unknown as Decided;
  }

  createAccessKey(order: AccessKeyOrder): Promise<AccessKeyRecord> {
    return this.#decide(order.id, (state, context) => createAccessKey(state, order, context));
  }

  rotateAccessKey(id: string, secret: KeptSecret, graceMs: number): Promise<AccessKeyRecord> {
    return this.#decide(id, (state, context) => rotateAccessKey(state, { id, secret, graceMs }, context));
  }

  async deleteAccessKey(id: string): Promise<void> {
    await this.#decide(id, (state) => removeAccessKey(state, id));
  }

  async createService(document: unknown, additions: Additions = {}): Promise<Accepted> {
    const parsed = withAdditions(parseSpec(document), additions);
    refuseMissingGpus(parsed.spec, this.#deps.gpuCount);
    const record = await this.#decide(
      parsed.spec.name,
      (state, context) => createService(state, parsed, context),
      "new",
    );
    return { record, notEffective: parsed.notEffective };
  }

  async cloneService(source: ServiceName, given: unknown, additions: Additions): Promise<Accepted> {
    let notEffective: readonly NotEffectiveField[] = [];
    const record = await this.#decide(source, (state, context) => {
      const parsed = cloneSpec(findLasting(state, source), given, additions);
      refuseMissingGpus(parsed.spec, this.#deps.gpuCount);
      notEffective = parsed.notEffective;
      return createService(state, parsed, context);
    });
    return { record, notEffective };
  }

  async updateService(name: ServiceName, given: unknown, mode: UpdateMode): Promise<Accepted> {
    let notEffective: readonly NotEffectiveField[] = [];
    const record = await this.#decide(name, (state, context) => {
      const before = findLasting(state, name);
      const after = updatedSpec(before.document, given, mode, parseSpec);
      refuseMissingGpus(after.spec, this.#deps.gpuCount);
      notEffective = after.notEffective;
      const reach = reachOf(before, after);
      return updateService(state, { name, after, reach }, context);
    });
    return { record, notEffective };
  }

  deleteService(name: ServiceName): Promise<ServiceRecord> {
    return this.#decide(name, (state, context) => removeService(state, name, context));
  }

  startService(name: ServiceName): Promise<ServiceRecord> {
    return this.#decide(name, (state, context) => startService(state, name, context));
  }

  stopService(name: ServiceName): Promise<ServiceRecord> {
    return this.#decide(name, (state, context) => stopService(state, name, context));
  }

  restartService(name: ServiceName): Promise<ServiceRecord> {
    return this.#decide(name, (state, context) => restartService(state, name, context));
  }

  scaleService(
    name: ServiceName,
    count: number,
    instancesToDelete: readonly InstanceId[],
  ): Promise<ServiceRecord> {
    const known = this.#instancesOf(name);
    return this.#decide(name, (state, context) =>
      scaleService(state, { name, count, instancesToDelete, known }, context),
    );
  }

  releaseService(name: ServiceName, asked: Release): Promise<ServiceRecord> {
    return this.#decide(name, (state, context) => release(state, { name, release: asked }, context));
  }

  changeLabels(request: LabelRequest): Promise<ServiceRecord> {
    return this.#decide(request.name, (state, context) => changeLabels(state, request, context));
  }

  createMirror(request: MirrorRequest): Promise<ServiceRecord> {
    return this.#decide(request.name, (state, context) => createMirror(state, request, context));
  }

  updateMirror(request: MirrorRequest): Promise<ServiceRecord> {
    return this.#decide(request.name, (state, context) => updateMirror(state, request, context));
  }

  deleteMirror(name: ServiceName): Promise<ServiceRecord> {
    return this.#decide(name, (state, context) => deleteMirror(state, name, context));
  }

  /** What create or update would say to a document; nothing is changed. */
  async validate(request: ValidateRequest): Promise<DocumentReport> {
    const { store, room, gpuCount } = this.#deps;
    const { state } = await store.readDesired();
    const report = reportOn(this.#seen(state), request, gpuCount, room);
    const { examined, isTaken } = report;
    if (examined === null || isTaken || !this.#isRestricted) return report;
    try {
      this.#decideOn(state, request, examined); // for what it refuses to this caller alone
      return report;
    } catch (error) {
      if (!(error instanceof ServingError)) throw error;
      if (error.code === "SERVICE_EXISTS") return { ...report, isTaken: true };
      return { ...report, examined: null, refusal: error, preview: null };
    }
  }

  #decideOn(state: DesiredState, { update }: ValidateRequest, after: ParsedSpec): void {
    const context = this.#context();
    if (update === null) {
      const subject = { name: after.spec.name, isNew: true } as const;
      decideFor(this.#actor, state, subject, (now) => createService(now, after, context));
      return;
    }
    const { name } = update;
    decideFor(this.#actor, state, { name }, (now) => {
      const reach = reachOf(findLasting(now, name), after);
      return updateService(now, { name, after, reach }, context);
    });
  }

  /** What `updateService` would do; nothing is changed. */
  async previewUpdate(name: ServiceName, given: unknown, mode: UpdateMode): Promise<UpdatePreview> {
    const { store, room, gpuCount } = this.#deps;
    const { state } = await store.readDesired();
    return decideFor(this.#actor, state, { name }, (now) => {
      const before = findLasting(now, name);
      const after = updatedSpec(before.document, given, mode, parseSpec);
      refuseMissingGpus(after.spec, gpuCount);
      const reach = reachOf(before, after);
      const { changes } = updateService(now, { name, after, reach }, this.#context()); // for what it refuses
      return { changes, record: previewUpdate(before, after, reach, room.free()) };
    }).record;
  }

  createRollout(request: RolloutRequest): Promise<ServiceRecord> {
    return this.#decide(request.name, (state, context) => createRollout(state, request, context));
  }

  updateRollout(request: RolloutRequest): Promise<ServiceRecord> {
    return this.#decide(request.name, (state, context) => updateRollout(state, request, context));
  }

  deleteRollout(name: ServiceName): Promise<ServiceRecord> {
    return this.#decide(name, (state, context) => deleteRollout(state, name, context));
  }

  /** Refused before anything is stopped when what the version needs is gone. */
  async switchVersion(name: ServiceName, version: number): Promise<ServiceRecord> {
    const { store, files } = this.#deps;
    const state = this.#seen((await store.readDesired()).state);
    const isInForce = state.services.get(name)?.version === version;
    const target = state.versions.get(name)?.find((v) => v.version === version);
    if (target !== undefined && !isInForce) {
      const runnable = await runnableOf(target, files);
      if (runnable.kind === "false")
        throw new ServingError("VERSION_NOT_RUNNABLE", { service: name, version, why: runnable.why });
    }
    return this.#decide(name, (state, context) => switchVersion(state, { name, version }, context));
  }

  deleteInstances(name: ServiceName, instances: readonly InstanceId[]): Promise<ServiceRecord> {
    const known = this.#instancesOf(name);
    return this.#decide(name, (state, context) =>
      deleteInstances(state, { name, instances, known }, context),
    );
  }

  softRestart(name: ServiceName, instances: readonly InstanceId[]): Promise<ServiceRecord> {
    const known = this.#instancesOf(name);
    return this.#decide(name, (state, context) => softRestart(state, { name, instances, known }, context));
  }

  updateInstance(name: ServiceName, instance: InstanceId, orders: InstanceOrders): Promise<ServiceRecord> {
    const known = this.#instancesOf(name);
    return this.#decide(name, (state, context) =>
      updateInstance(state, { name, instance, orders, known }, context),
    );
  }

  setSafetyLock(name: ServiceName, lock: SafetyLock): Promise<ServiceRecord> {
    return this.#decide(name, (state, context) => setSafetyLock(state, { name, lock }, context));
  }

  createGroup(name: GroupName, labels: Readonly<Record<string, string>>): Promise<GroupRecord> {
    return this.#decide(name, (state, context) => createGroup(state, { name, labels }, context), "new");
  }

  updateGroup(name: GroupName, update: GroupUpdate): Promise<GroupRecord> {
    return this.#decide(name, (state, context) => updateGroup(state, { name, ...update }, context));
  }

  async deleteGroup(name: GroupName, isCascading: boolean): Promise<void> {
    await this.#decide(name, (state, context) => deleteGroup(state, { name, isCascading }, context));
  }

  addServiceToken(name: ServiceName): Promise<ServiceRecord> {
    return this.#decide(name, (state, context) => addServiceToken(state, name, context));
  }

  revokeServiceToken(name: ServiceName, number: number): Promise<ServiceRecord> {
    return this.#decide(name, (state, context) => revokeServiceToken(state, { name, number }, context));
  }

  addGroupToken(name: GroupName): Promise<GroupRecord> {
    return this.#decide(name, (state, context) => addGroupToken(state, name, context));
  }

  revokeGroupToken(name: GroupName, number: number): Promise<GroupRecord> {
    return this.#decide(name, (state, context) => revokeGroupToken(state, { name, number }, context));
  }

  async restoreBackup(backup: Backup, isPlan: boolean): Promise<RestoreReport> {
    const { store } = this.#deps;
    if (isPlan) return restoreBackup((await store.readDesired()).state, backup, this.#context()).record;
    return this.#decide("the installation", (state, context) => restoreBackup(state, backup, context));
  }

  /** Changes that no user asked for, such as the last step of a deletion. */
  async commit(decide: (state: DesiredState) => readonly Change[]): Promise<void> {
    await this.#decide("", (state) => ({ changes: decide(state), record: null }));
  }

  /** One command of this process after the other: those that come at once would only take each other's revision away. */
  #decide<R>(
    subject: string,
    decide: (state: DesiredState, context: ChangeContext) => Decision<R>,
    isNew?: "new",
  ): Promise<R> {
    const mine = this.#turns.last.then(() => this.#decideNow(subject, decide, isNew));
    this.#turns.last = mine.catch(() => {}); // whoever asked hears of it
    return mine;
  }

  async #decideNow<R>(
    subject: string,
    decide: (state: DesiredState, context: ChangeContext) => Decision<R>,
    isNew?: "new",
  ): Promise<R> {
    const { store, known, onCommitted } = this.#deps;
    const context = this.#context();
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const { revision, state } = await store.readDesired();
      const about = isNew === undefined ? { name: subject } : { name: subject, isNew: true as const };
      const decision = decideFor(this.#actor, state, about, (now) => decide(now, context));
      const { changes, record } = decision;
      if (changes.length === 0) return record;
      const entry = this.#auditEntry(state, decision, context.nowMs);
      if ((await store.commit(revision, [...changes, ...entry])) === "conflict") continue;
      known.setDesired(revision + 1, applyChanges(state, changes)); // the revision is ours: nobody came in between
      onCommitted(changes);
      return record;
    }
    throw new ServingError("WRITE_CONFLICT", { service: subject });
  }

  #auditEntry(
    state: DesiredState,
    { changes, summary }: Pick<Decision<unknown>, "changes" | "summary">,
    atMs: number,
  ): Change[] {
    if (this.#actor === null) return [];
    const ofOne = this.#actor.target || targetOf(changes);
    const entry: AuditEntry = {
      ...auditOf(this.#actor, atMs),
      target: summary === undefined ? ofOne : "",
      change: changeText(state, changes, summary),
    };
    return [{ kind: "add-audit", entry }];
  }

  get #isRestricted(): boolean {
    return this.#actor !== null && this.#actor.caller.restriction !== null;
  }

  /** As the caller sees it. */
  #seen(state: DesiredState): DesiredState {
    const restriction = this.#actor?.caller.restriction ?? null;
    return restriction === null ? state : visibleState(state, restriction);
  }

  #context(): ChangeContext {
    const { clock, random, versionsKept } = this.#deps;
    return {
      nowMs: clock.now(),
      serviceId: `eas-m-${random.hex(SERVICE_ID_BYTES)}`,
      serviceToken: random.hex(TOKEN_BYTES),
      groupToken: random.hex(TOKEN_BYTES),
      versionsKept,
    };
  }

  #instancesOf(name: ServiceName): InstanceId[] {
    return this.#deps.known.statuses.get(name)?.instances.map((i) => i.id) ?? [];
  }
}
