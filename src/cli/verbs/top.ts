import type { ResponseOf } from "../../api/operations.ts";
import { EXIT, Misuse } from "../cli-io.ts";
import type { Session } from "../session.ts";
import type { Column } from "../table.ts";
import { textOption, type VerbRun } from "../verb.ts";

type Second = ResponseOf<"DescribeTraffic">["Traffic"][number];
type Counts = Omit<NonNullable<Second["Samples"][number]["Instances"]>[number], "InstanceName">;
type Mirror = Second["Mirrors"][number];
type Row = Counts & {
  readonly name: string;
  /** Of services only. */
  readonly limits: Readonly<Record<string, number>>;
  readonly mirrors: readonly Mirror[];
};

/** Home, and clear from there: the screen is drawn again in place. */
const REDRAW = "\u001b[H\u001b[2J";
/** Of the seconds asked for, the newest is still being reported: gateways tell theirs at different moments. */
const SECONDS_ASKED = 3;
const SECONDS_MAX = 86_400;

const COLUMNS: readonly Column<Row>[] = [
  { header: "SERVICE", minWidth: 25, cell: (r) => r.name },
  { header: "QPS", align: "right", cell: (r) => r.Requests },
  { header: "P50", align: "right", cell: (r) => duration(r.P50Us) },
  { header: "P99", align: "right", cell: (r) => duration(r.P99Us) },
  { header: "MAX", align: "right", cell: (r) => duration(r.P100Us) },
  { header: "CODES", cell: (r) => codes(r.Statuses) },
  { header: "INFLIGHT", align: "right", cell: (r) => r.InFlight },
  {
    header: "QUEUED",
    align: "right",
    cell: (r) => (r.Queued === 0 ? 0 : `${r.Queued} (${duration(r.QueueMeanUs)})`),
  },
  { header: "RETRIES", align: "right", cell: (r) => r.Retries },
];

/** Shown in seconds only in which a service met a limit, or copies were made. */
const LIMITS: Column<Row> = { header: "LIMITS", cell: (r) => codes(r.limits) };
const MIRROR: Column<Row> = { header: "MIRROR", cell: (r) => r.mirrors.map(copies).join(" ") || "-" };

/** `870 µs`, `12.3 ms`, `2.50 s`. */
export function duration(us: number | null): string {
  if (us === null) return "-";
  if (us < 1000) return `${us} µs`;
  if (us < 1_000_000) return `${(us / 1000).toPrecision(us < 100_000 ? 3 : 4).replace(/\.$/, "")} ms`;
  return `${(us / 1_000_000).toFixed(2)} s`;
}

function codes(statuses: Counts["Statuses"]): string {
  const texts = Object.entries(statuses).map(([status, count]) => `${status}:${count}`);
  return texts.length === 0 ? "-" : texts.join(" ");
}

/** `line_next:70, 3 dropped, 2 differ`: copies sent to the target, and what is worth a look. */
function copies({ Target, Sent, Failed, Dropped, Differing }: Mirror): string {
  const dropped = Object.values(Dropped).reduce((sum, n) => sum + n, 0);
  const notes = [
    [dropped, "dropped"],
    [Failed, "failed"],
    [Differing, "differ"],
  ] as const;
  return [`${Target}:${Sent}`, ...notes.filter(([n]) => n > 0).map(([n, what]) => `${n} ${what}`)].join(", ");
}

/** Services by name, each with its instances below it. */
function rowsOf(second: Second): Row[] {
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  return second.Samples.map((s) => ({
    ...s,
    name: s.ServiceName,
    limits: s.Limits,
    mirrors: second.Mirrors.filter((m) => m.ServiceName === s.ServiceName),
  }))
    .toSorted(byName)
    .flatMap((sample) => {
      const instances = (sample.Instances ?? []).map((i) => ({
        ...i,
        name: `  ${i.InstanceName}`,
        limits: {},
        mirrors: [],
      }));
      return [sample, ...instances.toSorted(byName)];
    });
}

function picture(session: Session, second: Second | undefined): string {
  if (second === undefined || second.Samples.length === 0) return "No traffic in this second.\n";
  const rows = rowsOf(second);
  const columns = [
    ...COLUMNS,
    ...(rows.some((r) => Object.keys(r.limits).length > 0) ? [LIMITS] : []),
    ...(rows.some((r) => r.mirrors.length > 0) ? [MIRROR] : []),
  ];
  return session.list(columns, rows);
}

export const run: VerbRun = async (session, [service], options) => {
  const text = textOption(options, "seconds");
  const limit = text === undefined ? Number.POSITIVE_INFINITY : Number(text);
  if (text !== undefined && !(/^[1-9]\d*$/.test(text) && limit <= SECONDS_MAX))
    throw new Misuse(`--seconds ${text}: a whole number from 1 to ${SECONDS_MAX}`);
  const name = service === undefined ? undefined : (await session.service(service)).ServiceName;
  const query = {
    Seconds: SECONDS_ASKED,
    Instances: true,
    ...(name === undefined ? {} : { ServiceName: name }),
  };
  const { io, client } = session;
  return io.interruptible(async (signal) => {
    const left = new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => resolve(), { once: true }),
    );
    for (let shown = 0; shown < limit && !signal.aborted; shown++) {
      if (shown > 0) await Promise.race([io.sleep(1000), left]);
      if (signal.aborted) break;
      const { Traffic } = await client.call("DescribeTraffic", { query });
      const second = Traffic.at(-2) ?? Traffic.at(-1);
      if (session.isJson) io.out(`${JSON.stringify(second ?? { AtMs: null, Samples: [], Mirrors: [] })}\n`);
      else io.out(`${io.isTerminal ? REDRAW : ""}${heading(second)}${picture(session, second)}`);
    }
    return EXIT.done;
  });
};

function heading(second: Second | undefined): string {
  return second === undefined ? "" : `${new Date(second.AtMs).toISOString().slice(11, 19)} UTC\n`;
}
