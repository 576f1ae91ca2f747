import assert from "node:assert/strict";
import test from "node:test";
import { SeededRandom } from "../../src/testing/seeded-random.ts";
import { mayOverlap, type Operation, planOperations } from "./operation-plan.ts";
import { COUNTS, SERVICES, type Service } from "./services.ts";

const SEEDS = Array.from({ length: 200 }, (_, i) => i + 1);
const stepsOf = (seed: number, count = 200) => planOperations(new SeededRandom(seed), count);

test("a seed is one list of operations", () => {
  assert.deepEqual(stepsOf(3), stepsOf(3));
  assert.notDeepEqual(stepsOf(3), stepsOf(4));
});

test("200 operations of a seed are of every kind", () => {
  for (const seed of SEEDS) {
    const kinds = new Set(stepsOf(seed).map(({ kind }) => kind));
    assert.equal(kinds.size, 8, `seed ${seed}: ${[...kinds]}`);
  }
});

test("each operation is possible after those before it", () => {
  for (const seed of SEEDS) {
    const wanted = new Map(
      SERVICES.map((s): [Service, { version: number; latest: number; count: number }] => [
        s,
        { version: 1, latest: 1, count: COUNTS[s].first },
      ]),
    );
    let stopped: Service | null = null;
    for (const step of stepsOf(seed)) {
      const where = `seed ${seed}, operation ${step.number}`;
      if (step.kind === "kill-control" || step.kind === "kill-gateway") continue;
      const service = wanted.get(step.service)!;
      if (step.kind === "start") {
        assert.equal(step.service, stopped, where);
        stopped = null;
        continue;
      }
      if (step.kind === "weigh") {
        assert.notEqual(step.weight, 0, where);
        continue;
      }
      assert.notEqual(step.service, stopped, where);
      if (step.kind === "stop") {
        assert.equal(stopped, null, where);
        assert.notEqual(step.service, SERVICES[0], where);
        stopped = step.service;
      } else if (step.kind === "scale") {
        assert.notEqual(step.count, service.count, where);
        assert.ok(step.count >= 1 && step.count <= COUNTS[step.service].most, where);
        service.count = step.count;
      } else if (step.kind === "update" || step.kind === "rollback") {
        assert.notEqual(step.version, service.version, where);
        if (step.kind === "update") service.latest++;
        const [least, most] = step.kind === "update" ? [service.latest, service.latest] : [1, service.latest];
        assert.ok(step.version >= least && step.version <= most, where);
        service.version = step.version;
      }
    }
    assert.equal(stopped, null, `seed ${seed}: nothing is stopped in the end`);
  }
});

test("what may begin before another is in effect", () => {
  const on = (service: Service) => ({
    update: { kind: "update", service, version: 2 } as const,
    rollback: { kind: "rollback", service, version: 1 } as const,
    scale: { kind: "scale", service, count: 2 } as const,
  });
  const [a, b] = [on("ledger_a"), on("ledger_b")];
  const stop: Operation = { kind: "stop", service: "ledger_b" };
  const start: Operation = { kind: "start", service: "ledger_b" };
  const kill: Operation = { kind: "kill-control", downMs: 0 };
  const gateway: Operation = { kind: "kill-gateway", nth: 0 };
  const may: [Operation, Operation, boolean][] = [
    [a.update, a.scale, true],
    [a.update, a.rollback, true],
    [a.scale, a.scale, false],
    [a.scale, b.scale, true],
    [b.update, stop, false],
    [a.update, stop, true],
    [stop, start, false],
    [start, b.update, false],
    [kill, gateway, true],
    [gateway, gateway, false],
    [kill, kill, false],
    [kill, a.update, true],
  ];
  for (const [other, next, isAllowed] of may)
    assert.equal(mayOverlap(other, next), isAllowed, JSON.stringify([other, next]));
});
