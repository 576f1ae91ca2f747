import type { GatewayTraffic } from "../core/gateway-report.ts";
import type { AccessLogSwitch } from "./access-log-switch.ts";
import type { DataPlane } from "./data-plane.ts";
import type { Mirrors } from "./mirrors.ts";
import { takeSamples } from "./traffic-report.ts";

/** All that a worker did since the last call: what the control process gets once a second. */
export function takeReport(
  plane: DataPlane,
  of: { readonly connections: number; readonly mirrors: Mirrors; readonly access: AccessLogSwitch },
): GatewayTraffic {
  const { routing, limited, unrouted } = plane;
  plane.unrouted = 0;
  const mirrors = of.mirrors.take();
  const differences = of.mirrors.takeDifferences();
  const cpu = process.cpuUsage();
  return {
    type: "report",
    atMs: plane.clock.now(),
    samples: takeSamples(routing.measured()),
    inFlight: routing.inFlight(),
    connections: of.connections,
    unrouted,
    ...(limited.isEmpty ? {} : { limits: limited.take() }),
    ...(mirrors.length > 0 ? { mirrors } : {}),
    ...(differences.length > 0 ? { differences } : {}),
    process: { rssBytes: process.memoryUsage.rss(), cpuUs: cpu.user + cpu.system },
    accessLog: of.access.take(),
  };
}
