import { cachedFiles, deleteCachedFile } from "../control/cached-files.ts";
import type { Accepted, ControlPlane, DocumentReport, Picture } from "../control/control-plane.ts";
import { reportOn } from "../control/document-report.ts";
import { EnvironmentBuilds, type EnvironmentOrder } from "../control/environments.ts";
import { Metrics } from "../control/metrics.ts";
import type { ReadinessCheck } from "../control/readiness.ts";
import { type Decided, scopedControl } from "../control/scoped-control.ts";
import type { Runnable } from "../control/version-check.ts";
import type { AccessKeyRecord, KeptSecret } from "../core/access/access-key.ts";
import { auditOf, changeText, targetOf } from "../core/access/audit-change.ts";
import type { AuditEntry } from "../core/access/audit-entry.ts";
import type { Actor } from "../core/access/caller.ts";
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
import { type Decision, findLasting, findService } from "../core/change/decision.ts";
import { deleteInstances } from "../core/change/delete-instances.ts";
import { createGroup, deleteGroup, updateGroup } from "../core/change/group.ts";
import { changeLabels, type LabelRequest } from "../core/change/labels.ts";
import { createMirror, deleteMirror, type MirrorRequest, updateMirror } from "../core/change/mirror.ts";
import { reachOf } from "../core/change/reach.ts";
import { release } from "../core/change/release.ts";
import { finishRemoval, removeService } from "../core/change/remove.ts";
import { restartService } from "../core/change/restart.ts";
import { type Backup, restoreBackup } from "../core/change/restore.ts";
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
import { explainService } from "../core/explain/explain.ts";
import type { ExplainInput, GatewayView } from "../core/explain/explain-input.ts";
import { explainInstance } from "../core/explain/explain-instance.ts";
import type { MirrorSample } from "../core/gateway-report.ts";
import type { InstanceWork } from "../core/instance-work.ts";
import type { GatewayId, GroupName, InstanceId, ServiceName } from "../core/names.ts";
import { nodeKind } from "../core/node-kind.ts";
import { freshStatus } from "../core/plan/fresh-status.ts";
import type { Room } from "../core/plan/room.ts";
import type {
  Change,
  DesiredState,
  GroupRecord,
  NewEvent,
  SafetyLock,
  ServiceRecord,
  ServiceStatus,
  ServiceVersion,
} from "../core/service.ts";
import { parseSpec } from "../core/spec/parse.ts";
import { type UpdateMode, updatedSpec } from "../core/spec/updated.ts";
import { allocate } from "../core/traffic/allocate.ts";
import type { MirrorDifference } from "../core/traffic/mirror.ts";
import type { AuditQuery } from "../ports/store.ts";
import { MemoryEnvironments } from "./memory-environments.ts";
import { MemoryFiles } from "./memory-files.ts";
import { gatewayReports } from "./memory-gateways.ts";
import { settledStatus } from "./settled-status.ts";

/**
 * A control plane in memory for tests of the API and the CLI: the real decisions of core/change, and instead of loops
 * `settle`, which makes so what is wanted, at once.
 */
export class MemoryControl implements ControlPlane {
  readonly services = new Map<ServiceName, ServiceRecord>();
  readonly groups = new Map<GroupName, GroupRecord>();
  readonly versions = new Map<ServiceName, readonly ServiceVersion[]>();
  /** Access keys. */
  keys: ReadonlyMap<string, AccessKeyRecord> = new Map();
  auditEntries: AuditEntry[] = [];
  #actor: Actor | null = null;
  readonly statuses = new Map<ServiceName, ServiceStatus>();
  readonly history: NewEvent[] = [];
  readonly lines = new Map<InstanceId, string[]>();
  /** What gateways would have reported of mirrors. */
  readonly copies: MirrorSample[] = [];
  readonly differences: MirrorDifference[] = [];
  /** Limits that every service would have met. */
  limits: Readonly<Record<string, number>> = {};
  readonly metrics = new Metrics();
  readonly environments = new MemoryEnvironments();
  readonly builds = new EnvironmentBuilds(this.environments);
  /** What the model cache would hold. */
  readonly files = new MemoryFiles({ now: () => this.nowMs, monotonic: () => 0, sleep: async () => {} });
  /** Called before every read: a test moves the world on here. */
  beforeRead: () => void = () => undefined;
  nowMs = Date.UTC(2022, 5, 5, 14, 30, 49);
  #names = 0;

  get state(): DesiredState {
    const { services, groups, versions, keys } = this;
    return { services, groups, versions, accessKeys: keys };
  }

  /** For an unrestricted caller: restrictions are tested over the real control plane. */
  as(actor: Actor): ControlPlane {
    const decided = new Proxy(this as unknown as Decided, {
      ownKeys: () => Object.getOwnPropertyNames(MemoryControl.prototype),
      getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
      get: (_, name) => {
        const member = Reflect.get(this, name, this) as unknown;
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          this.#actor = actor; // decisions are made before the first pause
          try {
            return member.apply(this, args);
          } finally {
            this.#actor = null;
          }
        };
      },
    });
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const clock = { now: () => this.nowMs, monotonic: () => 0, sleep: async () => {} };
    const explainOver = () => ({
      explainService: (name: ServiceName) => this.explainService(name),
      explainInstance: (name: ServiceName, id: InstanceId) => this.explainInstance(name, id),
    });
    return scopedControl(this, decided, actor, { state: () => this.state, explainOver, clock, log });
  }

  async accessKeys() {
    return this.keys;
  }
  async createAccessKey(order: AccessKeyOrder) {
    return this.#take(createAccessKey(this.state, order, this));
  }
  async rotateAccessKey(id: string, secret: KeptSecret, graceMs: number) {
    return this.#take(rotateAccessKey(this.state, { id, secret, graceMs }, this));
  }
  async deleteAccessKey(id: string) {
    this.#take(removeAccessKey(this.state, id));
  }
  async addAudit(entries: readonly AuditEntry[]) {
    this.auditEntries.push(...entries);
  }
  async audit({ fromMs, toMs, offset, limit }: AuditQuery) {
    const entries = this.auditEntries.filter((e) => e.atMs >= fromMs && e.atMs <= toMs).toReversed();
    return { entries: entries.slice(offset, offset + limit), total: entries.length };
  }

  /** Makes all so: deleted services vanish, wanted instances run, stopped ones are gone. */
  settle(): void {
    for (const record of [...this.services.values()]) {
      if (record.desired === "deleted") this.#apply(finishRemoval(this.state, record.name, this));
      else this.statuses.set(record.name, settledStatus(record, this.nowMs));
    }
  }

  /** Status of one service, changed. */
  setStatus(name: string, change: Partial<ServiceStatus>): void {
    const record = this.services.get(name as ServiceName)!;
    const before = this.statuses.get(record.name) ?? settledStatus(record, this.nowMs);
    this.statuses.set(record.name, { ...before, observedGeneration: record.generation, ...change });
  }

  async listEnvironments() {
    return this.builds.list(this.state);
  }
  async buildEnvironment(order: EnvironmentOrder) {
    return this.builds.begin(order);
  }
  async deleteEnvironment(address: string) {
    return this.builds.remove(address);
  }
  async cachedFiles() {
    return cachedFiles(this.files, this.state);
  }
  async deleteCachedFile(id: string) {
    return deleteCachedFile(this.files, id);
  }

  async createService(document: unknown, additions: Additions = {}): Promise<Accepted> {
    const parsed = withAdditions(parseSpec(document), additions);
    return {
      record: this.#take(createService(this.state, parsed, this.#context())),
      notEffective: parsed.notEffective,
    };
  }
  async cloneService(source: ServiceName, document: unknown, additions: Additions): Promise<Accepted> {
    const parsed = cloneSpec(findLasting(this.state, source), document, additions);
    const record = this.#take(createService(this.state, parsed, this.#context()));
    return { record, notEffective: parsed.notEffective };
  }
  /** What the node would have and have free; null: not known. */
  room: { capacity: Room; free: Room } | null = {
    capacity: { cpu: 16, memoryMb: 7168 },
    free: { cpu: 12.5, memoryMb: 1024 },
  };
  node() {
    return nodeKind(this.room?.capacity ?? null, this.room?.free ?? null, 0);
  }
  async changeLabels(request: LabelRequest) {
    return this.#take(changeLabels(this.state, request, this.#context()));
  }
  async updateService(name: ServiceName, document: unknown, mode: UpdateMode = "merge"): Promise<Accepted> {
    const before = findLasting(this.state, name);
    const after = updatedSpec(before.document, document, mode, parseSpec);
    const reach = reachOf(before, after);
    const record = this.#take(updateService(this.state, { name, after, reach }, this.#context()));
    return { record, notEffective: after.notEffective };
  }
  async deleteService(name: ServiceName) {
    return this.#take(removeService(this.state, name, this));
  }
  async startService(name: ServiceName) {
    return this.#take(startService(this.state, name, this));
  }
  async stopService(name: ServiceName) {
    return this.#take(stopService(this.state, name, this));
  }
  async restartService(name: ServiceName) {
    return this.#take(restartService(this.state, name, this));
  }
  async scaleService(name: ServiceName, count: number, instancesToDelete: readonly InstanceId[]) {
    return this.#take(
      scaleService(this.state, { name, count, instancesToDelete, known: this.#known(name) }, this),
    );
  }
  async releaseService(name: ServiceName, wanted: Parameters<ControlPlane["releaseService"]>[1]) {
    return this.#take(release(this.state, { name, release: wanted }, this));
  }
  async createMirror(request: MirrorRequest) {
    return this.#take(createMirror(this.state, request, this));
  }
  async updateMirror(request: MirrorRequest) {
    return this.#take(updateMirror(this.state, request, this));
  }
  async deleteMirror(name: ServiceName) {
    return this.#take(deleteMirror(this.state, name, this));
  }
  mirrorCounts(name: ServiceName) {
    return this.copies.filter((c) => c.service === name);
  }
  mirrorDifferences(name: ServiceName) {
    return this.differences.filter((d) => d.service === name);
  }
  async validate(request: ValidateRequest): Promise<DocumentReport> {
    const enough = () => Number.POSITIVE_INFINITY;
    return reportOn(this.state, request, enough, { free: () => null });
  }
  async previewUpdate(name: ServiceName, document: unknown, mode: UpdateMode = "merge") {
    const { refusal, preview } = await this.validate({ document, update: { name, mode } });
    if (refusal !== null) throw refusal;
    return preview!;
  }
  /** By version number; what is not named can be run. */
  readonly runnable = new Map<number, Runnable>();
  async runnableVersions(name: ServiceName) {
    const kept = this.versions.get(name) ?? [];
    return new Map(kept.map((v) => [v.version, this.runnable.get(v.version) ?? ({ kind: "true" } as const)]));
  }
  async createRollout(request: RolloutRequest) {
    return this.#take(createRollout(this.state, request, this));
  }
  async updateRollout(request: RolloutRequest) {
    return this.#take(updateRollout(this.state, request, this));
  }
  async deleteRollout(name: ServiceName) {
    return this.#take(deleteRollout(this.state, name, this));
  }
  async switchVersion(name: ServiceName, version: number) {
    return this.#take(switchVersion(this.state, { name, version }, this));
  }
  async deleteInstances(name: ServiceName, instances: readonly InstanceId[]) {
    return this.#take(deleteInstances(this.state, { name, instances, known: this.#known(name) }, this));
  }
  /** What gateways would say. */
  readonly gatewayViews: GatewayView[] = [
    { id: "gateway-0" as GatewayId, isListening: true, refusal: null, use: () => 0 },
  ];
  async explainService(name: ServiceName) {
    return explainService(this.#explainInput(name));
  }
  async explainInstance(name: ServiceName, id: InstanceId) {
    const input = this.#explainInput(name);
    const instance = input.status.instances.find((i) => i.id === id);
    if (instance === undefined)
      throw new ServingError("INSTANCE_NOT_FOUND", { service: name, instances: [id] });
    return explainInstance(instance, input);
  }
  #explainInput(name: ServiceName): ExplainInput {
    const record = findService(this.state, name);
    return {
      record,
      spec: parseSpec(record.document).spec,
      status: freshStatus(record, this.statuses.get(name)),
      group: null,
      gateways: this.gatewayViews,
      tails: this.lines,
      limits: this.limits,
      command: this.history.findLast((e) => e.service === name && e.reason === "Stopping") ?? null,
      nowMs: this.nowMs,
    };
  }
  async softRestart(name: ServiceName, instances: readonly InstanceId[]) {
    return this.#take(softRestart(this.state, { name, instances, known: this.#known(name) }, this));
  }
  async updateInstance(name: ServiceName, instance: InstanceId, orders: InstanceOrders) {
    return this.#take(updateInstance(this.state, { name, instance, orders, known: this.#known(name) }, this));
  }
  async setSafetyLock(name: ServiceName, lock: SafetyLock) {
    return this.#take(setSafetyLock(this.state, { name, lock }, this));
  }
  async createGroup(name: GroupName, labels: Readonly<Record<string, string>>) {
    return this.#take(createGroup(this.state, { name, labels }, this.#context()));
  }
  async updateGroup(name: GroupName, update: Parameters<ControlPlane["updateGroup"]>[1]) {
    return this.#take(updateGroup(this.state, { name, ...update }, this));
  }
  async restoreBackup(backup: Backup, isPlan: boolean) {
    const decision = restoreBackup(this.state, backup, {
      nowMs: this.nowMs,
      serviceId: "",
      serviceToken: "",
      groupToken: "",
    });
    return isPlan ? decision.record : this.#take(decision);
  }
  async deleteGroup(name: GroupName, isCascading: boolean) {
    this.#take(deleteGroup(this.state, { name, isCascading }, this));
  }

  async addServiceToken(name: ServiceName) {
    return this.#take(addServiceToken(this.state, name, this.#context()));
  }
  async revokeServiceToken(name: ServiceName, number: number) {
    return this.#take(revokeServiceToken(this.state, { name, number }, this));
  }
  async addGroupToken(name: GroupName) {
    return this.#take(addGroupToken(this.state, name, this.#context()));
  }
  async revokeGroupToken(name: GroupName, number: number) {
    return this.#take(revokeGroupToken(this.state, { name, number }, this));
  }

  async read(): Promise<Picture> {
    this.beforeRead();
    const shares = new Map(
      [...this.groups.values()].map((group) => {
        const members = [...this.services.values()].filter(
          (s) => s.group === group.name && s.desired === "running",
        );
        const able = members.map((m) => ({
          name: m.name,
          trafficState: m.trafficState,
          readyCount: this.statuses.get(m.name)?.serving.length ?? 0,
          weight: m.weight ?? 0,
        }));
        return [group.name, allocate(able, group.mode)] as const;
      }),
    );
    const statuses = new Map(
      [...this.services.values()].map((s) => [s.name, freshStatus(s, this.statuses.get(s.name))] as const),
    );
    return { state: this.state, statuses, shares };
  }
  async events(query: Parameters<ControlPlane["events"]>[0]) {
    const all = this.history
      .filter((e) => e.service === query.service && e.atMs >= query.fromMs && e.atMs <= query.toMs)
      .filter((e) => query.type === undefined || e.type === query.type)
      .filter((e) => query.instance === undefined || e.instance === query.instance)
      .toReversed();
    return { events: all.slice(query.offset, query.offset + query.limit), total: all.length };
  }
  async *logs(instance: InstanceId, options: { lines: number; isFollowing: boolean }, signal: AbortSignal) {
    yield* (this.lines.get(instance) ?? []).slice(-options.lines);
    if (!options.isFollowing || signal.aborted) return;
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  }
  loops() {
    return [
      {
        name: "service",
        purpose: "p",
        lastCause: null,
        lastResult: null,
        lastRunAtMs: this.nowMs,
        nextDueInMs: 12.6,
        overdueMs: 0,
        runningMs: null,
      },
    ];
  }
  checks: ReadinessCheck[] = [{ name: "store", isOk: true, reason: "takes writes" }];
  async readiness() {
    return this.checks;
  }
  traffic(seconds: number) {
    const samples = [...this.services.keys()].map((service) => ({
      service,
      requests: seconds,
      statuses: { "200": seconds },
      bytesIn: 1,
      bytesOut: 2,
      latency: [15, seconds],
      latencyUs: 15 * seconds,
      retries: 0,
      ejections: 0,
      queued: 0,
      queueUs: 0,
      queueUsMax: 0,
      inFlight: 1,
      grouped: seconds,
      limits: this.limits,
      instances: [],
    }));
    return [{ atMs: this.nowMs, samples, mirrors: this.copies }];
  }
  measured() {
    return this.metrics;
  }
  /** What engines would have told. */
  works: readonly InstanceWork[] = [];
  async work() {
    return this.works;
  }
  restartCount = 0;

  gateways() {
    return gatewayReports(this.restartCount);
  }

  async restartGateways() {
    this.restartCount++;
  }

  #known(name: ServiceName): InstanceId[] {
    return (this.statuses.get(name)?.instances ?? []).map((instance) => instance.id);
  }
  #context() {
    this.#names += 1;
    const id = `${this.#names}`;
    return {
      nowMs: this.nowMs,
      serviceId: `eas-m-${id}`,
      serviceToken: `token-${id}`,
      groupToken: `group-token-${id}`,
    };
  }
  #take<R>(decision: Decision<R>): R {
    const actor = this.#actor;
    if (actor !== null && decision.changes.length > 0) {
      const target = actor.target || targetOf(decision.changes);
      const change = changeText(this.state, decision.changes);
      this.auditEntries.push({ ...auditOf(actor, this.nowMs), target, change });
    }
    this.#apply(decision.changes);
    return decision.record;
  }
  #apply(changes: readonly Change[]): void {
    this.keys = applyChanges(this.state, changes).accessKeys;
    for (const change of changes) {
      if (change.kind === "put-service") this.services.set(change.record.name, change.record);
      if (change.kind === "put-group") this.groups.set(change.record.name, change.record);
      if (change.kind === "remove-group") this.groups.delete(change.name);
      if (change.kind === "add-event") this.history.push(change.event);
      if (change.kind === "put-version") {
        const { service, version } = change.version;
        const others = (this.versions.get(service) ?? []).filter((v) => v.version !== version);
        this.versions.set(service, [...others, change.version]);
      }
      if (change.kind === "remove-service") {
        this.services.delete(change.name);
        this.statuses.delete(change.name);
        this.versions.delete(change.name);
      }
    }
  }
}
