import type { GatewayTraffic } from "../core/gateway-report.ts";
import type { AccessLogSwitch } from "./access-log-switch.ts";
import type { DataPlane } from "./data-plane.ts";
import type { Mirrors } from "./mirrors.ts";
import type { Steps } from "./slices.ts";
import { takingSamples } from "./traffic-report.ts";

/**
 * All that a worker did since the last time, which the control process gets once a second: the text of a `GatewayTraffic`, in pieces. Made in steps, as 1,000
 * busy instances take some ms.
 */
export function* takingReport(
  plane: DataPlane,
  of: { readonly connections: number; readonly mirrors: Mirrors; readonly access: AccessLogSwitch },
): Steps<readonly string[]> {
  const samples = yield* takingSamples(plane.routing.measured());
  const { routing, limited, unrouted } = plane;
  plane.unrouted = 0;
  const mirrors = of.mirrors.take();
  const differences = of.mirrors.takeDifferences();
  const cpu = process.cpuUsage();
  const rest: Omit<GatewayTraffic, "samples"> = {
    type: "report",
    atMs: plane.clock.now(),
    inFlight: routing.inFlight(),
    connections: of.connections,
    unrouted,
    ...(limited.isEmpty ? {} : { limits: limited.take() }),
    ...(mirrors.length > 0 ? { mirrors } : {}),
    ...(differences.length > 0 ? { differences } : {}),
    process: { rssBytes: process.memoryUsage.rss(), cpuUs: cpu.user + cpu.system },
    accessLog: of.access.take(),
  };
  return ['{"samples":', ...samples, `,${JSON.stringify(rest).slice(1)}`];
}
