import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type HealthSpec, nextProbeAtMs, type Probe, type ProbeKind, type ProbeResult } from "./probe.ts";
import { afterResult, healthOf, initialHealth, verdictOf } from "./verdict.ts";

const KINDS: readonly ProbeKind[] = ["startup", "readiness", "liveness"];

const threshold = fc.integer({ min: 1, max: 5 });
const probeOf = (kind: ProbeKind) =>
  fc.record<Probe>({
    action: fc.constant({ kind: "tcp", port: null }),
    initialDelayMs: fc.constantFrom(0, 1000, 30_000),
    periodMs: fc.constantFrom(1000, 10_000),
    timeoutMs: fc.constant(1000),
    successThreshold: kind === "readiness" ? threshold : fc.constant(1),
    failureThreshold: threshold,
  });
const specs: fc.Arbitrary<HealthSpec> = fc.record(
  { startup: probeOf("startup"), readiness: probeOf("readiness"), liveness: probeOf("liveness") },
  { requiredKeys: [] },
);
const histories = fc
  .array(fc.record({ kind: fc.constantFrom(...KINDS), isGood: fc.boolean() }), { maxLength: 60 })
  .map((list) => list.map((r, i): ProbeResult => ({ ...r, atMs: i * 1000, message: `look ${i}` })));

/** Longest row of equal results at the end. */
function rowAtEnd(results: readonly ProbeResult[]): { isGood: boolean; length: number } {
  const isGood = results.at(-1)?.isGood ?? true;
  const other = results.findLastIndex((r) => r.isGood !== isGood);
  return { isGood, length: results.length - 1 - other };
}
const longestBadRow = (results: readonly ProbeResult[]) =>
  Math.max(
    0,
    ...results.map((_, i) => rowAtEnd(results.slice(0, i + 1))).map((r) => (r.isGood ? 0 : r.length)),
  );

/** The results that count: those of startup up to its first good one, the others behind that. */
function counted(spec: HealthSpec, history: readonly ProbeResult[]) {
  const first = spec.startup === undefined ? -1 : history.findIndex((r) => r.kind === "startup" && r.isGood);
  const hasStarted = spec.startup === undefined || first !== -1;
  const before = hasStarted ? history.slice(0, first + 1) : history;
  const behind = hasStarted ? history.slice(first + 1) : [];
  const of = (kind: ProbeKind, list: readonly ProbeResult[]) =>
    spec[kind] === undefined ? [] : list.filter((r) => r.kind === kind);
  return {
    hasStarted,
    startup: of("startup", before),
    readiness: of("readiness", behind),
    liveness: of("liveness", behind),
  };
}

test("dead is who has failed startup or liveness as often in a row as the threshold, and nobody else", () => {
  fc.assert(
    fc.property(specs, histories, (spec, history) => {
      // Cut where it dies at startup: what comes behind is never probed.
      const { startup, liveness } = counted(spec, history);
      const isDead =
        (spec.startup !== undefined && longestBadRow(startup) >= spec.startup.failureThreshold) ||
        (spec.liveness !== undefined && longestBadRow(liveness) >= spec.liveness.failureThreshold);
      assert.equal(verdictOf(spec, history).kind === "dead", isDead);
    }),
  );
});

test("startup blocks both: before its first good result nothing else is said than starting or dead", () => {
  fc.assert(
    fc.property(specs, histories, (spec, history) => {
      if (counted(spec, history).hasStarted) return;
      const others = history.filter((r) => r.kind === "startup");
      assert.ok(["starting", "dead"].includes(verdictOf(spec, history).kind));
      assert.deepEqual(verdictOf(spec, history), verdictOf(spec, others));
    }),
  );
});

test("readiness is what the last row says that was long enough: shorter rows never turn it", () => {
  fc.assert(
    fc.property(specs, histories, (spec, history) => {
      const { hasStarted, readiness } = counted(spec, history);
      const verdict = verdictOf(spec, history).kind;
      if (!hasStarted || verdict === "dead") return;
      const probe = spec.readiness;
      let isReady = probe === undefined;
      for (let i = 1; i <= readiness.length; i++) {
        const row = rowAtEnd(readiness.slice(0, i));
        if (row.length >= (row.isGood ? probe!.successThreshold : probe!.failureThreshold))
          isReady = row.isGood;
      }
      assert.equal(verdict, isReady ? "ready" : "not-ready");
    }),
  );
});

test("dead is final, and results of checks that are not asked for change nothing", () => {
  fc.assert(
    fc.property(specs, histories, histories, (spec, history, more) => {
      const verdict = verdictOf(spec, history);
      if (verdict.kind === "dead") assert.deepEqual(verdictOf(spec, [...history, ...more]), verdict);
      const asked = history.filter((r) => spec[r.kind] !== undefined);
      assert.deepEqual(verdictOf(spec, asked), verdict);
    }),
  );
});

test("a verdict changes at most once in as many results as the smaller threshold: it cannot flap faster", () => {
  fc.assert(
    fc.property(probeOf("readiness"), histories, (readiness, history) => {
      const spec = { readiness };
      const results = history.filter((r) => r.kind === "readiness");
      let state = initialHealth(spec);
      let [changedAt, kind] = [0, healthOf(state).kind];
      results.forEach((result, i) => {
        state = afterResult(spec, state, result);
        const now = healthOf(state).kind;
        if (now === kind) return;
        const needed = now === "ready" ? readiness.successThreshold : readiness.failureThreshold;
        assert.ok(i + 1 - changedAt >= needed);
        [changedAt, kind] = [i + 1, now];
      });
    }),
  );
});

test("probes are due at their delay, and then a period after the one before began", () => {
  fc.assert(
    fc.property(probeOf("liveness"), fc.nat(100_000), (probe, beganAtMs) => {
      assert.equal(nextProbeAtMs(probe, null), probe.initialDelayMs);
      assert.equal(nextProbeAtMs(probe, beganAtMs) - beganAtMs, probe.periodMs);
    }),
  );
});
