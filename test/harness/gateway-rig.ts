import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GatewayMessage } from "../../src/core/gateway-report.ts";
import type { GroupName, InstanceId, ServiceName } from "../../src/core/names.ts";
import { tableCommands } from "../../src/core/table-commands.ts";
import type { Address, GroupRoute, RouteTable, ServiceRoute } from "../../src/core/traffic/route-table.ts";
import type { Times } from "../../src/gateway/data-plane.ts";
import { createGateway, type Gateway, type GatewayOptions } from "../../src/gateway/gateway.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { shownCertificate } from "./over-tls.ts";

/** Longest wait for anything in a test of the gateway. */
const PATIENCE_MS = 30_000;

/** What a rig's clock goes on by between two looks at it, at most; a gateway looks at each sweep, every 10 ms. */
const STEP_MS_MAX = 20;

/**
 * A clock by which a machine that stands still for a while does not. Gateway, clients and instances of a test share one process, and
 * would all be found late at once.
 */
function steadyClock(): Clock {
  let atMs = performance.now();
  let sumMs = 0;
  return {
    now: () => Date.now(),
    monotonic: () => {
      const nowMs = performance.now();
      sumMs += Math.min(nowMs - atMs, STEP_MS_MAX);
      atMs = nowMs;
      return sumMs;
    },
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
}

/** A clock that a test moves itself. */
export class HeldClock implements Clock {
  ms = 0;
  now = () => Date.now();
  monotonic = () => this.ms;
  sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
}

/** Resolves once `isSo`; looks again at each turn of the loop, and gives up with `what` after a bound. */
export async function until(isSo: () => boolean, what: string, ms = PATIENCE_MS): Promise<void> {
  const giveUpAt = performance.now() + ms;
  while (!isSo()) {
    if (performance.now() > giveUpAt) assert.fail(`waited ${ms} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** One gateway in this process, with the other end of its control socket. */
export interface GatewayRig {
  readonly gateway: Gateway;
  /** The gateway's. */
  readonly clock: Clock;
  readonly dir: string;
  readonly messages: GatewayMessage[];
  readonly control: Socket;
  /** Where test clients connect. */
  port(): number;
  tlsPort(): number | null;
  /** Sends a table and waits for its ack; a nack fails. */
  put(table: RouteTable): Promise<void>;
  /** Sends anything. */
  say(command: unknown): void;
  last<T extends GatewayMessage["type"]>(type: T): Extract<GatewayMessage, { type: T }> | undefined;
  /** Sum of all reports so far, of one service: requests by status. */
  statuses(service: string): Record<string, number>;
  /** Sum of all reports so far of what limits met: of one service, or of the worker itself. */
  limits(service: string | null): Record<string, number>;
  /** Resolves when all that the worker has counted by now is reported. */
  reported(): Promise<void>;
  /** Settles as the worker's `run` does. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/** `port` 0 takes a free one. */
export async function startRig(
  times: Partial<Times> = {},
  port = 0,
  more: Partial<Pick<GatewayOptions, "caps" | "slot" | "tls" | "clock">> = {},
): Promise<GatewayRig> {
  const clock = more.clock ?? steadyClock();
  const dir = mkdtempSync(join(tmpdir(), "sluice-gw-"));
  const silent = () => {};
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  const random = { next: () => 0.5, hex: (n: number) => "ab".repeat(n), uuid: () => "U" };
  const fast = { sweepMs: 10, reportMs: 20, drainIdleMs: 20, ...times };
  const shown = shownCertificate();
  const tls = shown === null ? null : { ...shown, host: "127.0.0.1", port };
  const plainPort = tls === null ? port : 0;
  const gateway = createGateway({
    dir,
    host: "127.0.0.1",
    port: plainPort,
    random,
    log,
    times: fast,
    tls,
    ...more,
    clock,
  });
  const stop = new AbortController();
  const running = gateway.run(stop.signal);
  running.catch(() => {}); // whoever asks for `ended` gets it
  const messages: GatewayMessage[] = [];
  const control = await dial(join(dir, "control.sock"));
  let text = "";
  control.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (text + chunk).split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) messages.push(JSON.parse(line) as GatewayMessage);
  });
  const say = (command: unknown) => control.write(`${JSON.stringify(command)}\n`);
  return {
    gateway,
    clock,
    dir,
    messages,
    control,
    ended: running,
    say,
    port: () => (shown === null ? gateway.port()! : gateway.tlsPort()!),
    tlsPort: () => gateway.tlsPort(),
    async put(table) {
      for (const command of tableCommands(table)) say(command);
      const answer = () =>
        messages.find((m) => (m.type === "ack" || m.type === "nack") && m.tableNumber === table.number);
      await until(() => answer() !== undefined, `an answer to table ${table.number}`);
      assert.deepEqual(answer(), { type: "ack", tableNumber: table.number });
    },
    last: (type) => messages.findLast((m) => m.type === type) as never,
    statuses(service) {
      const sum: Record<string, number> = {};
      for (const m of messages) {
        const sample = m.type === "report" ? m.samples.find((s) => s.service === service) : undefined;
        for (const [status, n] of Object.entries(sample?.statuses ?? {}))
          sum[status] = (sum[status] ?? 0) + n;
      }
      return sum;
    },
    limits(service) {
      const sum: Record<string, number> = {};
      for (const m of messages) {
        if (m.type !== "report") continue;
        const met = service === null ? m.limits : m.samples.find((s) => s.service === service)?.limits;
        for (const [limit, n] of Object.entries(met ?? {})) sum[limit] = (sum[limit] ?? 0) + n;
      }
      return sum;
    },
    async reported() {
      const reports = () => messages.filter((m) => m.type === "report").length;
      // The next one may be on its way already.
      const enough = reports() + 2;
      await until(() => reports() >= enough, "two reports");
    },
    async close() {
      control.destroy();
      stop.abort();
      await running.catch(() => {});
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Connects as soon as somebody listens there. */
async function dial(path: string): Promise<Socket> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    const socket = connect(path);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    if (await promise) return socket.on("error", () => {});
    assert.ok(performance.now() < giveUpAt, `nobody listens at ${path}`);
    await new Promise((resolve2) => setTimeout(resolve2, 5));
  }
}

export const TOKEN = "c2VydmljZQ==";
export const GROUP_TOKEN = "Z3JvdXA=";

export function serviceRoute(
  name: string,
  addresses: readonly Address[],
  more: Partial<ServiceRoute> = {},
): ServiceRoute {
  return {
    name: name as ServiceName,
    group: null,
    tokens: [TOKEN],
    instances: addresses.map((address, i) => ({ id: `${name}-v1-${i}` as InstanceId, address })),
    keepaliveMs: 5000,
    isBodyChecked: true,
    ...more,
  };
}

export function groupRoute(name: string, weights: Record<string, number>): GroupRoute {
  const members = Object.entries(weights).map(([service, weight]) => ({
    service: service as ServiceName,
    weight,
  }));
  return { name: name as GroupName, tokens: [GROUP_TOKEN], members };
}
