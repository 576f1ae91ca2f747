import type { Json, JsonObject } from "../core/spec/service-spec.ts";

/** One field of eas-reference §1, or of ours: values that are taken, and values that are refused at its path. */
export interface FieldRow {
  /** Canonical; `[]`: in each item of a list. */
  readonly path: string;
  readonly good: readonly Json[];
  readonly bad: readonly Json[];
  /** What else has to stand in the document. */
  readonly beside: JsonObject;
}

/** Values that are taken, and values that are refused. */
export type Values = readonly [good: readonly Json[], bad: readonly Json[]];

export const text: Values = [
  ["x", ""],
  [5, true, [], {}],
];
export const name: Values = [["x"], ["", 5, true, []]];
export const flag: Values = [
  [true, false, "true", "false"],
  ["yes", 1, 0, []],
];
export const whole = (least: number, most: number | null = null): Values => [
  [least, most ?? 1e9],
  [least - 1, ...(most === null ? [] : [most + 1]), least + 0.5, String(least), true, [least]],
];
export const number = (good: readonly number[], bad: readonly number[]): Values => [
  good,
  [...bad, "1", true, []],
];
export const oneOf = (...words: readonly string[]): Values => [words, ["other", 1, true]];
export const any: Values = [["x", 1, true, { a: [1] }, ["b"]], []];
export const texts: Values = [
  [[], ["x", ""]],
  ["x", 5, [5], [[]], [null]],
];
export const part: Values = [
  [0, 3, "20%", "100%"],
  [-1, 1.5, "20", "101%", "x%", true],
];
export const cron: Values = [
  ["0 15,45 * * * *", "0 0 12-14 * * *", "* * * * * 6,0", "0 */5 1 1 JAN-DEC MON"],
  [
    "* * * * *",
    "60 * * * * *",
    "* * 24 * * *",
    "* * * 0 * *",
    "* * * * 13 *",
    "* * * * * 7",
    "a * * * * *",
    "5-1 * * * * *",
  ],
];

/** A server of one's own, with one container that says more. */
export const container = (more: JsonObject = {}): JsonObject => ({
  containers: [{ script: "exec x", ...more }],
});
export const probe: readonly (readonly [path: string, values: Values])[] = [
  [
    "http_get.path",
    [
      ["/", "/a?b=c", "health"],
      ["/a b", "/ä", 5],
    ],
  ],
  ["http_get.port", whole(1, 65_535)],
  ["http_get.scheme", oneOf("HTTP", "HTTPS", "http", "https")],
  ["tcp_socket.port", whole(1, 65_535)],
  [
    "exec.command",
    [
      [["x"], ["x", "-y"]],
      ["x", [5], [""], []],
    ],
  ],
  ["initial_delay_seconds", whole(0, 86_400)],
  ["period_seconds", whole(1, 86_400)],
  ["timeout_seconds", whole(1, 86_400)],
  ["success_threshold", [[1], [0, 1001, "1"]]],
  ["failure_threshold", whole(1, 1000)],
];
export const method = (path: string): JsonObject =>
  path.startsWith("http_get") || path.startsWith("tcp_socket") || path.startsWith("exec")
    ? {}
    : { exec: { command: ["x"] } };

export const mount = (more: JsonObject): JsonObject => ({ storage: [{ mount_path: "/mnt/a", ...more }] });
export const instances: JsonObject = { cloud: { computing: { instances: [{ type: "ecs.c7.large" }] } } };
export const balancer: JsonObject = { networking: { nlb: [{ id: "default" }] } };
export const scaling = (more: JsonObject = {}): JsonObject => ({
  autoscaler: { scaleStrategies: [{ metricName: "qps", threshold: 10, ...more }] },
});
export const job: JsonObject = { cronscaler: { scaleJobs: [{ schedule: "0 0 1 * * *", targetSize: 1 }] } };
export const java: JsonObject = { processor_type: "java", processor_mainclass: "a.B", processor_entry: "" };
export const enabled = (limit: string): JsonObject => ({
  networking: { gateway_policy: { [limit]: { enable: true, limit: 5 } } },
});
export const hash = (by: string): JsonObject => ({
  networking: { gateway_policy: { load_balancing: { policy: "hash", [by]: "x" } } },
});

/** A row as it is written: `[path, values, beside]`. */
export type Row = readonly [path: string, values: Values, beside?: JsonObject];
export const below = (
  block: string,
  beside: JsonObject | undefined,
  ...rows: readonly Row[]
): readonly Row[] => rows.map(([path, values, more]) => [`${block}.${path}`, values, more ?? beside ?? {}]);
export const named = (block: string, ...names: readonly string[]): readonly Row[] =>
  names.map((each) => [block === "" ? each : `${block}.${each}`, any]);
