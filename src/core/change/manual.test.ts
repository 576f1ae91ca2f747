import assert from "node:assert/strict";
import test from "node:test";
import { desiredOf, recordOf, serviceName } from "../../testing/records.ts";
import { type ErrorCode, ServingError } from "../errors.ts";
import type { InstanceId } from "../names.ts";
import type { ServiceRecord } from "../service.ts";
import { deleteInstances } from "./delete-instances.ts";
import { removeService } from "./remove.ts";
import { restartService } from "./restart.ts";
import { setSafetyLock } from "./safety-lock.ts";
import { scaleService } from "./scale.ts";
import { wantedInstances } from "./slots.ts";
import { softRestart } from "./soft-restart.ts";
import { startService } from "./start.ts";
import { stopService } from "./stop.ts";
import { switchVersion } from "./switch-version.ts";
import { type InstanceOrders, updateInstance } from "./update-instance.ts";

const context = { nowMs: 1000, serviceId: "eas-m-1", serviceToken: "st", groupToken: "gt" };
const name = serviceName("a");
const id = (text: string) => text as InstanceId;
const known = ["a-v1-0", "a-v1-1", "a-v0-0"].map(id);
const record = recordOf("a", { instanceCount: 2 });
const refuses = (act: () => unknown, code: ErrorCode, text: RegExp) =>
  assert.throws(act, (e) => e instanceof ServingError && e.code === code && text.test(e.message));
const order = (of: ServiceRecord, instance: string, orders: InstanceOrders) =>
  updateInstance(desiredOf([of]), { name, instance: id(instance), orders, known }, context).record;
const wantedIds = (of: ServiceRecord) => [...wantedInstances(of, 2).keys()];

test("isolate and back: it stays one of the wanted ones; asked for twice it is one change", () => {
  const isolated = order(record, "a-v1-0", { isolate: true });
  assert.deepEqual([isolated.isolated, isolated.generation], [["a-v1-0"], 2]);
  assert.deepEqual(wantedIds(isolated), wantedIds(record));
  assert.equal(order(isolated, "a-v1-0", { isolate: true }), isolated);
  const back = order(isolated, "a-v1-0", { isolate: false });
  assert.deepEqual(back.isolated ?? [], []);
  assert.equal(order(back, "a-v1-0", { isolate: false }), back);
  refuses(() => order(record, "a-v1-7", { isolate: true }), "INSTANCE_NOT_FOUND", /a-v1-7/);
  refuses(() => order(record, "a-v0-0", { isolate: true }), "INVALID_ARGUMENT", /\$\.Isolate/);
});

test("detach: another slot takes its place, it lasts over updates, and its name is not given again while it is there", () => {
  const detached = order(record, "a-v1-0", { detach: true });
  assert.deepEqual(detached.detached, ["a-v1-0"]);
  assert.deepEqual(wantedIds(detached), ["a-v1-1", "a-v1-2"]);
  assert.equal(order(detached, "a-v1-0", { detach: true }), detached);
  refuses(() => order(detached, "a-v1-0", { isolate: false }), "INVALID_ARGUMENT", /gets no requests again/);
  assert.deepEqual(order(detached, "a-v1-0", { isolate: true }).isolated, ["a-v1-0"]);

  const versions = [1, 2].map((version) => ({
    service: name,
    version,
    document: record.document,
    createdAtMs: 0,
    message: "",
  }));
  const second = switchVersion(desiredOf([detached], [], versions), { name, version: 2 }, context).record;
  assert.deepEqual(second.detached, ["a-v1-0"]);
  const there = { ...second, updatingFrom: null };
  const back = switchVersion(desiredOf([there], [], versions), { name, version: 1 }, context).record;
  assert.deepEqual(wantedIds(back), ["a-v1-1", "a-v1-2"]);

  const gone = deleteInstances(
    desiredOf([detached]),
    { name, instances: [id("a-v1-0")], known },
    context,
  ).record;
  assert.deepEqual([gone.detached, wantedIds(gone)], [[], wantedIds(detached)]);
  assert.deepEqual(stopService(desiredOf([detached]), name, context).record.detached, []);
});

test("a restart forgets orders about the instances that it replaces; stop and start keep them", () => {
  const isolated = order(record, "a-v1-0", { isolate: true });
  assert.equal(restartService(desiredOf([isolated]), name, context).record.isolated, undefined);
  const stopped = stopService(desiredOf([isolated]), name, context).record;
  assert.deepEqual(startService(desiredOf([stopped]), name, context).record.isolated, ["a-v1-0"]);
});

test("soft restarts are counted for each instance", () => {
  const ask = (of: ServiceRecord, ...instances: string[]) =>
    softRestart(desiredOf([of]), { name, instances: instances.map(id), known }, context).record;
  const once = ask(record, "a-v1-0", "a-v1-1");
  assert.deepEqual(ask(once, "a-v1-0").softRestarts, { "a-v1-0": 2, "a-v1-1": 1 });
  assert.deepEqual(once.retiredSlots, []);
  const detached = order(record, "a-v1-0", { detach: true });
  refuses(() => ask(detached, "a-v1-0"), "INVALID_ARGUMENT", /detached/);
  refuses(() => ask({ ...record, desired: "stopped" }, "a-v1-0"), "INVALID_ARGUMENT", /stopped/);
});

test("safety lock: dangerous refuses what takes away, all refuses every change, none nothing", () => {
  const locked = (lock: "all" | "dangerous") =>
    desiredOf([setSafetyLock(desiredOf([record]), { name, lock }, context).record]);
  const scale = (count: number) => ({ name, count, instancesToDelete: [], known });
  for (const lock of ["dangerous", "all"] as const) {
    const text = new RegExp(`safety lock ${lock}`);
    const state = locked(lock);
    refuses(() => stopService(state, name, context), "SAFETY_LOCKED", text);
    refuses(() => removeService(state, name, context), "SAFETY_LOCKED", text);
    refuses(() => scaleService(state, scale(0), context), "SAFETY_LOCKED", text);
    const request = { name, instances: [id("a-v1-0")], known };
    refuses(() => deleteInstances(state, request, context), "SAFETY_LOCKED", text);
  }
  scaleService(locked("dangerous"), scale(1), context);
  restartService(locked("dangerous"), name, context);
  refuses(() => scaleService(locked("all"), scale(1), context), "SAFETY_LOCKED", /every change/);
  refuses(() => restartService(locked("all"), name, context), "SAFETY_LOCKED", /every change/);
  assert.equal(setSafetyLock(locked("all"), { name, lock: "none" }, context).record.lock, "none");
});
