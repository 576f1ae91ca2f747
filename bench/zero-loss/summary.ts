import { type Outcome, publish, type Row, type Table } from "../harness/outcome.ts";
import { median } from "../harness/statistics.ts";
import { type Entry, isGood } from "../load/ledger-entry.ts";
import { type Explanation, judge, type Verdict } from "./accounting.ts";
import type { Kind } from "./operation-plan.ts";
import type { UpdateTimes } from "./performer.ts";
import { STREAMS } from "./services.ts";
import { PHASES } from "./update-times.ts";
import type { ZeroLossOptions, ZeroLossRun } from "./zero-loss-run.ts";

/** A request that was not simply answered, with the reason. */
export interface Trouble {
  readonly entry: Entry;
  readonly verdict: Exclude<Verdict, { readonly kind: "answered" }>;
}

/** Those that were not simply answered. */
export function troubles(run: Pick<ZeroLossRun, "entries" | "kills">): Trouble[] {
  return run.entries.flatMap((entry) => {
    const verdict = judge(entry, run.kills);
    return verdict.kind === "answered" ? [] : [{ entry, verdict }];
  });
}

/** The `share` quantile by rank; NaN of nothing. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** Prints what was found, and keeps it in `bench/out/zero-loss.json`. True when nothing was lost, and nothing is left over. */
export function report(run: ZeroLossRun, options: ZeroLossOptions): boolean {
  const found = troubles(run);
  const lost = found.filter(({ verdict }) => verdict.kind === "lost");
  const outcome: Outcome = {
    suite: "",
    tables: [
      ledgerTable(run, found),
      latencyTable(run.entries),
      operationTable(run),
      killTable(run, found),
      ...updateTables(run),
    ],
    verdicts: [
      { bar: "requests lost: 0", found: String(lost.length), isMet: lost.length === 0 },
      {
        bar: `operations in effect: ${options.operations}`,
        found: `${run.played.length} in ${(run.lengthMs / 1000).toFixed(0)} s`,
        isMet: run.played.length === options.operations,
      },
      {
        bar: "instances that no service has: 0",
        found: run.orphans.join(", ") || "0",
        isMet: run.orphans.length === 0,
      },
    ],
    raw: {
      ...options,
      played: run.played,
      kills: run.kills,
      updates: run.updates,
      troubles: found.map(plain),
    },
  };
  publish("zero-loss", outcome);
  for (const { entry } of lost.slice(0, 10)) console.log(JSON.stringify(entry));
  return outcome.verdicts.every(({ isMet }) => isMet);
}

/** The kill by its gateway only: it stands beside in full. */
function plain({ entry, verdict }: Trouble) {
  if (verdict.kind === "lost") return { verdict: verdict.kind, entry };
  const { kind, kill } = verdict.by;
  return { verdict: verdict.kind, why: kind, gateway: kill.gateway, pid: kill.pid, entry };
}

function ledgerTable({ entries }: ZeroLossRun, found: readonly Trouble[]): Table {
  const rows = (["plain", "stream"] as const).map((kind): Row => {
    const own = found.filter(({ entry }) => entry.kind === kind);
    const count = (what: Verdict["kind"], why?: Explanation["kind"]) =>
      own.filter(
        ({ verdict: v }) => v.kind === what && (why === undefined || ("by" in v && v.by.kind === why)),
      ).length;
    return {
      requests: kind,
      sent: entries.filter((entry) => entry.kind === kind).length,
      failed: count("accounted") + count("lost"),
      "of these in a killed gateway": count("accounted", "held"),
      "in its listening socket": count("accounted", "queued"),
      LOST: count("lost"),
      "sent again, connection dead before": count("resent"),
    };
  });
  return { title: "The client's ledger", rows };
}

function latencyTable(entries: readonly Entry[]): Table {
  const answered = entries.filter(({ attempts }) => isGood(attempts.at(-1)!));
  const rows = [...new Set(answered.map(({ route }) => route))].map((route): Row => {
    const own = answered.filter((entry) => entry.route === route);
    const ms = own.map(({ attempts, dueAtMs }) => attempts.at(-1)!.endedAtMs - dueAtMs);
    return {
      way: route,
      answered: own.length,
      "p50 ms": quantile(ms, 0.5).toFixed(1),
      "p99 ms": quantile(ms, 0.99).toFixed(1),
      "max ms": quantile(ms, 1).toFixed(1),
    };
  });
  return { title: "From when a request was due to the end of its answer", rows };
}

function operationTable({ played }: ZeroLossRun): Table {
  const kinds = [...new Set(played.map(({ step }) => step.kind))].sort() as Kind[];
  const rows = kinds.map((kind): Row => {
    const own = played.filter(({ step }) => step.kind === kind);
    const ms = own.map(({ startedAtMs, endedAtMs }) => endedAtMs - startedAtMs);
    return {
      operation: kind,
      times: own.length,
      "beside others": own.filter(({ besides }) => besides > 0).length,
      overtaken: own.filter(({ outcome }) => outcome === "overtaken").length,
      "median s": (median(ms) / 1000).toFixed(2),
      "max s": (quantile(ms, 1) / 1000).toFixed(2),
    };
  });
  return { title: "Operations, until in effect", rows };
}

function killTable({ kills }: ZeroLossRun, found: readonly Trouble[]): Table {
  const rows = kills.map((kill): Row => {
    const count = (kind: Explanation["kind"]) =>
      found.filter(({ verdict: v }) => v.kind !== "lost" && v.by.kill === kill && v.by.kind === kind).length;
    return {
      "killed gateway": `${kill.gateway}, pid ${kill.pid}`,
      "frozen before, ms": (kill.killedAtMs - kill.frozenAtMs).toFixed(1),
      "connections of clients": kill.accepted.length,
      "requests held": count("held"),
      "in its queue": count("queued"),
      "sent too late": count("too-late"),
    };
  });
  return { title: "Gateways that were killed, and what they took with them", rows };
}

/**
 * Updates during which no control process was dead or starting tell how fast it is; the others, how it goes on. A stream is answered when it
 * has ended, so streams stand apart.
 */
export function updateTables({ updates, played }: Pick<ZeroLossRun, "updates" | "played">): Table[] {
  const restarts = played.filter(({ step }) => step.kind === "kill-control");
  const isDisturbed = ({ askedAtMs, totalMs }: UpdateTimes) =>
    restarts.some((r) => r.startedAtMs < askedAtMs + totalMs && r.endedAtMs > askedAtMs);
  const isStream = ({ service }: UpdateTimes) => service === STREAMS;
  const quiet = updates.filter((update) => !isDisturbed(update) && !isStream(update));
  const rows = [
    ...totalRow("Python processors", quiet),
    ...totalRow(
      "streams",
      updates.filter((update) => !isDisturbed(update) && isStream(update)),
    ),
    ...totalRow("control process killed meanwhile", updates.filter(isDisturbed)),
  ];
  return [
    { title: "From `modify` to the first request that the new version answered", rows },
    { title: "Where that time goes, Python processors", rows: phaseRows(quiet) },
  ];
}

function totalRow(which: string, updates: readonly UpdateTimes[]): Row[] {
  if (updates.length === 0) return [];
  const totals = updates.map(({ totalMs }) => totalMs);
  return [
    {
      updates: which,
      times: updates.length,
      "median ms": median(totals).toFixed(0),
      "p90 ms": quantile(totals, 0.9).toFixed(0),
      "max ms": quantile(totals, 1).toFixed(0),
    },
  ];
}

function phaseRows(updates: readonly UpdateTimes[]): Row[] {
  const sum = updates.reduce((total, { totalMs }) => total + totalMs, 0);
  return PHASES.map((phase): Row => {
    const own = updates.map((update) => update.phases[phase]);
    return {
      phase,
      "median ms": median(own).toFixed(0),
      "p90 ms": quantile(own, 0.9).toFixed(0),
      share: `${((own.reduce((total, ms) => total + ms, 0) / sum) * 100).toFixed(0)} %`,
    };
  });
}
