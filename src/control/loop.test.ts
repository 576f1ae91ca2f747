import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { KeptLog } from "../testing/kept-log.ts";
import { SeededRandom } from "../testing/seeded-random.ts";
import { settle, VirtualClock } from "../testing/virtual-clock.ts";
import { Loop, type Outcome } from "./loop.ts";

const settled: Outcome = { kind: "settled", text: "fine" };

function begin(t: TestContext, concurrency = 4) {
  const clock = new VirtualClock();
  const log = new KeptLog();
  const loop = new Loop({ clock, random: new SeededRandom(1), log, concurrency });
  const end = new AbortController();
  const ended = loop.run(end.signal);
  t.after(async () => {
    end.abort();
    await ended;
    assert.equal(clock.timerCount, 0);
  });
  return { clock, log, loop, end, ended };
}

/** A task that notes its causes, and does what it is told. */
function task(key: string, act: (cause: string) => Promise<Outcome> = async () => settled) {
  const causes: string[] = [];
  return {
    key,
    purpose: `purpose of ${key}`,
    periodMs: 1_000,
    causes,
    run: (cause: string) => {
      causes.push(cause);
      return act(cause);
    },
  };
}

test("a key runs when it is added, when it is woken, and once a period, which is spread", async (t) => {
  const { clock, loop } = begin(t);
  const one = task("one");
  loop.add(one, "start");
  await settle();
  assert.deepEqual(one.causes, ["start"]);
  loop.wake("one", "somebody knows");
  await settle();
  assert.deepEqual(one.causes, ["start", "somebody knows"]);
  await clock.advance(899);
  assert.equal(one.causes.length, 2);
  await clock.advance(202);
  assert.deepEqual(one.causes.slice(2), ["period"]);
  const [report] = loop.reports();
  assert.equal(report!.lastResult, "fine");
  assert.equal(report!.lastCause, "period");
  assert.ok(report!.nextDueInMs! > 0 && report!.nextDueInMs! <= 1_100);
});

test("a period may be another one after each run", async (t) => {
  const { clock, loop } = begin(t);
  let periodMs = 1_000;
  const one = { ...task("one"), periodMs: () => periodMs };
  loop.add(one, "start");
  await settle();
  await clock.advance(1_101);
  assert.equal(one.causes.length, 2);
  periodMs = 10_000;
  await clock.advance(1_101);
  assert.equal(one.causes.length, 3, "what was set before the change");
  await clock.advance(8_000);
  assert.equal(one.causes.length, 3);
  await clock.advance(3_001);
  assert.equal(one.causes.length, 4);
});

test("a key never runs twice at a time; wakes during a run make one more run", async (t) => {
  const { clock, loop } = begin(t);
  let running = 0;
  const slow = task("slow", async () => {
    running += 1;
    assert.equal(running, 1);
    await clock.sleep(10);
    running -= 1;
    return settled;
  });
  loop.add(slow, "start");
  await clock.advance(5);
  loop.wake("slow", "a");
  loop.wake("slow", "b");
  await clock.advance(100);
  assert.deepEqual(slow.causes, ["start", "b"]);
});

test("no more keys run at a time than allowed, and all get their turn", async (t) => {
  const { clock, loop } = begin(t, 2);
  let running = 0;
  let most = 0;
  const tasks = Array.from({ length: 7 }, (_, i) =>
    task(`k${i}`, async () => {
      most = Math.max(most, ++running);
      await clock.sleep(10);
      running -= 1;
      return settled;
    }),
  );
  for (const one of tasks) loop.add(one, "start");
  await clock.advance(100);
  assert.equal(most, 2);
  assert.ok(tasks.every((one) => one.causes.length === 1));
});

test("an outcome says when to look again, but no later than the period", async (t) => {
  const { clock, loop } = begin(t);
  const soon = task("soon", async () => ({ kind: "recheck", inMs: 50, text: "wait" }));
  const late = task("late", async () => ({ kind: "recheck", inMs: 1e9, text: "wait" }));
  loop.add(soon, "start");
  loop.add(late, "start");
  await clock.advance(120);
  assert.equal(soon.causes.length, 3);
  await clock.advance(1_000);
  assert.equal(late.causes.length, 2);
});

test("a run that throws is tried again after a growing wait, and reported", async (t) => {
  const { clock, log, loop } = begin(t);
  const bad = task("bad", async () => {
    throw new Error("no disk");
  });
  loop.add(bad, "start");
  await clock.advance(95 + 220 + 440); // 100, 200, 400 ms, each 10 % either way
  assert.ok(bad.causes.length >= 3 && bad.causes.length <= 4, String(bad.causes.length));
  assert.equal(loop.reports()[0]!.lastResult, "failed: no disk");
  assert.ok(log.lines.every((l) => l.level === "warn"));
});

test("a finished key is forgotten, unless it was woken while it finished", async (t) => {
  const { clock, loop } = begin(t);
  let left = 1;
  const last = task("last", async () => {
    await clock.sleep(10);
    return left-- > 0 ? { kind: "finished", text: "gone" } : settled;
  });
  loop.add(last, "start");
  await clock.advance(5);
  loop.wake("last", "it is back");
  await clock.advance(30);
  assert.ok(loop.has("last"));
  left = 1;
  await clock.advance(2_000);
  assert.ok(!loop.has("last"));
  loop.wake("last", "too late");
});

test("the end waits for runs under way", async (t) => {
  const { clock, loop, end, ended } = begin(t);
  let isDone = false;
  const slow = task("slow", async () => {
    await clock.sleep(10);
    isDone = true;
    return settled;
  });
  loop.add(slow, "start");
  await settle();
  end.abort();
  const order: string[] = [];
  void ended.then(() => order.push(`ended, done ${isDone}`));
  await clock.advance(20);
  assert.deepEqual(order, ["ended, done true"]);
});

test("a key that somebody waits for goes before all that were due earlier, and others still come", async (t) => {
  const { loop, clock } = begin(t, 1);
  const order: string[] = [];
  const held = Promise.withResolvers<void>();
  const noting = (key: string, isHeld = false) =>
    task(key, async () => {
      order.push(key);
      if (isHeld) await held.promise;
      return settled;
    });
  loop.add(noting("busy", true), "start");
  for (let i = 0; i < 5; i++) loop.add(noting(`period ${i}`), "start");
  await settle();
  loop.add(noting("created"), "start");
  loop.wakeFirst("created", "a command");
  loop.wakeFirst("period 3", "a command");
  loop.wakeFirst("busy", "a command while it runs");
  loop.add({ ...noting("table"), isFirst: true }, "start");
  loop.wakeFirst("nobody", "unknown");
  held.resolve();
  await clock.advance(1);
  assert.deepEqual(order, [
    "busy",
    "created",
    "period 3",
    "table",
    "busy",
    "period 0",
    "period 1",
    "period 2",
    "period 4",
  ]);
});

test("between runs that wait for nothing, others have their turn", async (t) => {
  const clock = new VirtualClock();
  let breaths = 0;
  const loop = new Loop({
    clock,
    random: new SeededRandom(1),
    log: new KeptLog(),
    concurrency: 4,
    breathe: async () => {
      breaths += 1;
    },
  });
  const end = new AbortController();
  const ended = loop.run(end.signal);
  t.after(async () => {
    end.abort();
    await ended;
  });
  const all = Array.from({ length: 100 }, (_, i) => task(`key ${i}`));
  for (const one of all) loop.add(one, "start");
  await settle();
  assert.ok(all.every((one) => one.causes.length === 1));
  assert.ok(breaths >= 25, `${breaths} for 100 runs, 4 at a time`);
});
