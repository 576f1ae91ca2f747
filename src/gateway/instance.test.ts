import assert from "node:assert/strict";
import { test } from "node:test";
import type { InstanceId } from "../core/names.ts";
import type { Address } from "../core/traffic/route-table.ts";
import { Instance } from "./instance.ts";
import type { Upstream } from "./upstream.ts";

/** How many of connections last used at 0, 1000, 2000 … ms are left after a sweep at 10,000 ms. */
function leftAfterSweep(address: Address, idleMs: number): number {
  const instance = new Instance("a-v1-0" as InstanceId, address);
  for (let movedMs = 0; movedMs <= 10_000; movedMs += 1000) {
    instance.idle.push({ movedMs, close() {} } as Upstream);
  }
  instance.sweep(10_000, idleMs);
  return instance.idle.length;
}

test("idle connections to an engine are kept as long as told", () => {
  assert.equal(leftAfterSweep({ kind: "unix", path: "/s" }, 5000), 6);
});

test("those to a server of the user's own are closed before it may close them", () => {
  const address = { kind: "tcp", host: "127.0.0.1", port: 1 } as const;
  assert.equal(leftAfterSweep(address, 5000), 2);
  assert.equal(leftAfterSweep(address, 500), 1);
});

test("the connection of a probe that was made is any other: it is not closed under the request that has it", () => {
  const instance = new Instance("a-v1-0" as InstanceId, { kind: "unix", path: "/s" });
  const closed: string[] = [];
  const made = { isOver: false, isConnected: false, startedMs: 0, close: () => closed.push("made") };
  const waits = { ...made, close: () => closed.push("waits") };
  instance.suspect(0, 10);
  instance.probe(1000, 3000, () => made as unknown as Upstream);
  made.isConnected = true;
  instance.reached();
  // A request has it: it is not among the idle ones.
  instance.closeIdle();
  assert.deepEqual(closed, []);
  instance.suspect(2000, 10);
  instance.probe(3000, 3000, () => waits as unknown as Upstream);
  instance.closeIdle();
  assert.deepEqual(closed, ["waits"]);
});

test("a probe that still waits when a request's connection is made is given up", () => {
  const instance = new Instance("a-v1-0" as InstanceId, { kind: "unix", path: "/s" });
  let isClosed = false;
  const waits = {
    isOver: false,
    isConnected: false,
    startedMs: 0,
    close: () => {
      isClosed = true;
    },
  };
  instance.suspect(0, 10);
  instance.probe(1000, 3000, () => waits as unknown as Upstream);
  instance.reached();
  assert.ok(isClosed);
});
