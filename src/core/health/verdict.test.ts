import assert from "node:assert/strict";
import { test } from "node:test";
import type { HealthSpec, Probe, ProbeKind, ProbeResult } from "./probe.ts";
import { verdictOf } from "./verdict.ts";

const probe: Probe = {
  action: { kind: "tcp", port: null },
  initialDelayMs: 0,
  periodMs: 10_000,
  timeoutMs: 1000,
  successThreshold: 1,
  failureThreshold: 3,
};
const LETTERS: Readonly<Record<string, ProbeKind>> = { s: "startup", r: "readiness", l: "liveness" };

/** `S` a good startup probe, `s` a bad one; `R` and `r`, `L` and `l` likewise. */
const history = (text: string) =>
  [...text].map((letter, i): ProbeResult => {
    const kind = LETTERS[letter.toLowerCase()]!;
    const isGood = letter !== letter.toLowerCase();
    return { kind, isGood, atMs: i * 1000, message: isGood ? "" : `look ${i}` };
  });

const ALL: HealthSpec = { startup: probe, readiness: probe, liveness: probe };
const CASES: readonly [HealthSpec, string, string, string][] = [
  [{}, "", "ready", ""],
  [ALL, "", "starting", "the startup check is not good yet"],
  [ALL, "ss", "starting", "the startup check is not good yet: look 1"],
  [ALL, "sss", "dead", "the startup check failed 3 times in a row: look 2"],
  [ALL, "ssSss", "not-ready", "the readiness check is not good"],
  [ALL, "rrrlll", "starting", "the startup check is not good yet"],
  [ALL, "SR", "ready", ""],
  [ALL, "SRrr", "ready", ""],
  [ALL, "SRrrr", "not-ready", "the readiness check is not good: look 4"],
  [ALL, "SRrrrR", "ready", ""],
  [ALL, "SRllLll", "ready", ""],
  [ALL, "SRlll", "dead", "the liveness check failed 3 times in a row: look 4"],
  [{ liveness: { ...probe, failureThreshold: 1 } }, "l", "dead", "the liveness check failed once: look 0"],
  [{ liveness: probe }, "", "ready", ""],
  [{ readiness: { ...probe, successThreshold: 2 } }, "R", "not-ready", "the readiness check is not good"],
  [{ readiness: { ...probe, successThreshold: 2 } }, "rRR", "ready", ""],
];
for (const [spec, text, kind, message] of CASES) {
  test(`${Object.keys(spec).join(", ") || "no check"}: ${text || "nothing yet"} is ${kind}`, () => {
    const verdict = verdictOf(spec, history(text));
    assert.deepEqual(verdict, kind === "ready" ? { kind } : { kind, message });
  });
}
