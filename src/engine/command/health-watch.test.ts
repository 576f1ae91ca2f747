import assert from "node:assert/strict";
import { test } from "node:test";
import type { HealthSpec, Probe, ProbeKind } from "../../core/health/probe.ts";
import { VirtualClock } from "../../testing/virtual-clock.ts";
import { HealthWatch } from "./health-watch.ts";

const probe: Probe = {
  action: { kind: "tcp", port: null },
  initialDelayMs: 0,
  periodMs: 10_000,
  timeoutMs: 1000,
  successThreshold: 1,
  failureThreshold: 3,
};

/** A watch in virtual time, whose looks see what the test says. */
function watching(spec: HealthSpec) {
  const clock = new VirtualClock();
  const startedAt = clock.monotonic();
  const good = { startup: true, readiness: true, liveness: true };
  const looks: string[] = [];
  const kindOf = (p: Probe) => Object.entries(spec).find(([, other]) => other === p)![0] as ProbeKind;
  const watch = new HealthWatch({
    spec,
    look: async (p) => {
      looks.push(`${kindOf(p)} ${clock.monotonic() - startedAt}`);
      return { isGood: good[kindOf(p)], message: "bad" };
    },
    told: () => {},
    now: () => clock.monotonic() - startedAt,
    sleep: (ms, signal) => clock.sleep(ms, signal).catch(() => {}),
  });
  const over = new AbortController();
  const running = watch.run(over.signal);
  const end = async () => {
    over.abort();
    await running;
    assert.equal(clock.timerCount, 0);
  };
  return { clock, good, looks, watch, end };
}

test("startup first, alone; then the others, each by its own delay and period", async () => {
  const { clock, good, looks, watch, end } = watching({
    startup: { ...probe, failureThreshold: 5 },
    readiness: { ...probe, periodMs: 4000 },
    liveness: { ...probe, initialDelayMs: 15_000 },
  });
  good.startup = false;
  await clock.advance(9_000);
  assert.equal(watch.health.kind, "starting");
  good.startup = true;
  await clock.advance(9_000);
  assert.equal(watch.health.kind, "ready");
  assert.deepEqual(looks, [
    "startup 0",
    "startup 10000",
    "readiness 10000",
    "readiness 14000",
    "liveness 15000",
    "readiness 18000",
  ]);
  await end();
});

test("it ends by itself when the instance is dead", async () => {
  const { clock, good, looks, watch, end } = watching({ liveness: probe, readiness: { ...probe } });
  await clock.advance(1000);
  good.liveness = false;
  await clock.advance(100_000);
  assert.equal(watch.health.kind, "dead");
  assert.equal(looks.filter((look) => look.startsWith("liveness")).length, 4);
  await end();
});

test("hurried, a check that never was good looks at once; then only good news counts", async () => {
  const { clock, good, looks, watch, end } = watching({
    readiness: { ...probe, initialDelayMs: 2000, failureThreshold: 1 },
  });
  good.readiness = false;
  await clock.advance(1000);
  watch.hurry();
  await clock.advance(0);
  assert.deepEqual(looks, [], "its delay holds");
  await clock.advance(2000);
  watch.hurry();
  await clock.advance(0);
  assert.equal(watch.health.kind, "not-ready");
  good.readiness = true;
  watch.hurry();
  await clock.advance(0);
  assert.equal(watch.health.kind, "ready");
  watch.hurry();
  await clock.advance(9_000);
  assert.deepEqual(looks, ["readiness 2000", "readiness 3000", "readiness 3000", "readiness 12000"]);
  await end();
});
