import assert from "node:assert/strict";
import { test } from "node:test";
import type { InstanceSpec, ProcessorSpec } from "../core/instance-spec.ts";
import { type InstanceId, instanceId, type ServiceName } from "../core/names.ts";
import { EXIT_REASONS } from "../core/reasons.ts";
import type { InstanceReport, RuntimeDriver } from "../ports/runtime.ts";

/** A driver under test, and what the suite needs to do behind its back. */
export interface RuntimeUnderTest {
  readonly driver: RuntimeDriver;
  /** What its instances run; absent: a processor in Python. */
  readonly processor?: ProcessorSpec;
  /** Ends a running instance as a crash does. */
  crash(id: InstanceId): Promise<void>;
  /** Stops all that is left and frees everything. */
  close(): Promise<void>;
}

/** What an instance is told, as a driver meets it. `config` is `model.config`. */
export function instanceSpecOf(service: string, slot: number, config: string | null = null): InstanceSpec {
  const key = { service: service as ServiceName, version: 1, epoch: 0, slot };
  return {
    ...key,
    id: instanceId(key),
    tokens: ["dG9rZW4"],
    isBodyChecked: true,
    processor: { kind: "custom", language: "python", dir: "/nowhere", entry: "app.py" },
    model: { path: null, entry: null, config },
    rpc: { workerThreads: 1, maxQueueSize: 64, keepaliveMs: 5000 },
    limits: { cpu: 1, memoryMb: 1000 },
  };
}

const never = new AbortController().signal;
/** Far beyond what anything here takes, on a machine that is busy with other things too. */
const BOUND_MS = 60_000;

/** The report of `id` as soon as it is so; fails after a minute. */
export async function reportWhen(
  driver: RuntimeDriver,
  id: InstanceId,
  isSo: (report: InstanceReport | undefined) => boolean,
): Promise<InstanceReport | undefined> {
  const end = performance.now() + BOUND_MS;
  for (;;) {
    const report = (await driver.list()).find((r) => r.spec.id === id);
    if (isSo(report)) return report;
    assert.ok(performance.now() < end, `not so within ${BOUND_MS} ms: ${JSON.stringify(report)}`);
    await new Promise(setImmediate);
  }
}

/** Registers the tests that every RuntimeDriver passes. `open` gives one without instances each time. */
export function testRuntimeConformance(name: string, open: () => Promise<RuntimeUnderTest>): void {
  let [spec, other] = [instanceSpecOf("a", 0), instanceSpecOf("a-b", 0)];
  const check = (title: string, run: (under: RuntimeUnderTest) => Promise<void>) =>
    test(`${name}: ${title}`, async () => {
      const under = await open();
      const { processor = spec.processor } = under;
      [spec, other] = [
        { ...spec, processor },
        { ...other, processor },
      ];
      try {
        await run(under);
      } finally {
        await under.close();
      }
    });

  check("nothing runs at first", async ({ driver }) => {
    assert.deepEqual(await driver.list(), []);
  });

  check("what was started is listed with its spec, alive", async ({ driver }) => {
    await driver.start(spec, never);
    const [report, ...more] = await driver.list();
    assert.deepEqual(more, []);
    assert.deepEqual(report?.spec, spec);
    assert.equal(report?.isAlive, true);
    assert.equal(report?.exit, null);
  });

  check("starting twice, also at once, gives one", async ({ driver }) => {
    await Promise.all([driver.start(spec, never), driver.start(spec, never)]);
    const [first] = await driver.list();
    await driver.start(spec, never);
    const reports = await driver.list();
    assert.deepEqual([reports.length, reports[0]?.pid], [1, first?.pid]);
  });

  check("the list of one service has only its instances", async ({ driver }) => {
    await driver.start(spec, never);
    await driver.start(other, never);
    await driver.start({ ...instanceSpecOf("a", 1), processor: spec.processor }, never);
    const ids = async (owner?: ServiceName) => (await driver.list(owner)).map((r) => r.spec.id).toSorted();
    assert.deepEqual(await ids("a" as ServiceName), ["a-v1-0", "a-v1-1"]);
    assert.deepEqual(await ids("a-b" as ServiceName), ["a-b-v1-0"]);
    assert.deepEqual(await ids("b" as ServiceName), []);
    assert.equal((await ids()).length, 3);
  });

  check(
    "other rules for direct callers are in the spec at once, and gone with a new start",
    async (under) => {
      const { driver } = under;
      const access = { tokens: ["bmV3", "b2xk"], groupTokens: ["b2xk"], isBodyChecked: false };
      await driver.setAccess(spec.id, access, never);
      assert.deepEqual(await driver.list(), [], "nothing comes of one that is not there");
      await driver.start(spec, never);
      await driver.setAccess(spec.id, access, never);
      assert.deepEqual((await driver.list())[0]?.spec, { ...spec, ...access });
      await under.crash(spec.id);
      await reportWhen(driver, spec.id, (r) => r?.isAlive === false);
      await driver.start(spec, never);
      const again = await reportWhen(driver, spec.id, (r) => r?.isAlive === true);
      assert.deepEqual(again?.spec, spec);
    },
  );

  check("what was stopped is gone; stopping again is done", async ({ driver }) => {
    await driver.start(spec, never);
    await driver.start(other, never);
    await Promise.all([driver.stop(spec.id, 5000, never), driver.stop(spec.id, 5000, never)]);
    assert.deepEqual(
      (await driver.list()).map((r) => r.spec.id),
      [other.id],
    );
    await driver.stop(spec.id, 0, never);
    await driver.stop("none-v1-0" as InstanceId, 0, never);
  });

  check("a crashed one is listed with its end, and can be started anew or stopped", async (under) => {
    const { driver } = under;
    await driver.start(spec, never);
    await under.crash(spec.id);
    const dead = await reportWhen(driver, spec.id, (r) => r?.isAlive === false);
    assert.ok(
      EXIT_REASONS.some((reason) => reason === dead?.exit?.reason),
      "how it ended",
    );
    assert.deepEqual(await reportWhen(driver, spec.id, () => true), dead, "the end does not change any more");
    await driver.start(spec, never);
    const again = await reportWhen(driver, spec.id, (r) => r?.isAlive === true);
    assert.equal(again?.exit, null);
    await under.crash(spec.id);
    await driver.stop(spec.id, 1000, never);
    assert.deepEqual(await driver.list(), []);
  });

  check("a hint comes for a start, a crash and a stop; the signal ends them", async (under) => {
    const { driver } = under;
    const stop = new AbortController();
    const hinted: InstanceId[] = [];
    let wake = () => {};
    const reading = (async () => {
      for await (const id of driver.hints(stop.signal)) {
        hinted.push(id);
        wake();
      }
    })();
    const nextHint = async (act: () => Promise<void>) => {
      const before = hinted.length;
      await act();
      const timer = setTimeout(() => stop.abort(new Error("no hint came")), BOUND_MS);
      while (hinted.length === before && !stop.signal.aborted)
        await new Promise<void>((done) => (wake = done));
      clearTimeout(timer);
      assert.ok(hinted.slice(before).includes(spec.id));
    };
    await nextHint(() => driver.start(spec, never));
    await nextHint(() => under.crash(spec.id));
    await nextHint(() => driver.stop(spec.id, 1000, never));
    stop.abort();
    await reading;
  });

  check("an aborted signal starts and stops nothing", async ({ driver }) => {
    const reason = new Error("no longer wanted");
    const aborted = AbortSignal.abort(reason);
    await assert.rejects(driver.start(spec, aborted), reason);
    assert.deepEqual(await driver.list(), []);
    await driver.start(spec, never);
    await assert.rejects(driver.stop(spec.id, 1000, aborted), reason);
    assert.equal((await driver.list())[0]?.isAlive, true);
  });
}
