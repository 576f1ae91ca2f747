import { openApiDocument } from "../api/openapi.ts";
import type { OperationName } from "../api/paths.ts";
import { ServingError } from "../core/errors.ts";
import type { TlsState } from "../core/gateway-report.ts";
import type { ServiceName } from "../core/names.ts";
import type { Handler } from "./handler.ts";
import { rfc3339 } from "./time.ts";
import { trafficView } from "./traffic-view.ts";

type Internal = Extract<
  OperationName,
  | "DescribeRegions"
  | "ListLoops"
  | "DescribeTraffic"
  | "ListGatewayWorkers"
  | "RestartGatewayWorkers"
  | "ListCachedFiles"
  | "DeleteCachedFile"
  | "CheckHealth"
  | "CheckReadiness"
  | "DescribeOpenApi"
>;

/** What this installation is, and what its control process does. */
export const INTERNAL_HANDLERS: { readonly [N in Internal]: Handler<N> } = {
  async DescribeRegions(_, { region }) {
    return { Regions: [{ RegionId: region, RegionName: region }] };
  },
  async ListLoops(_, { control }) {
    const Loops = control.loops().map((loop) => ({
      Name: loop.name,
      Purpose: loop.purpose,
      LastCause: loop.lastCause,
      LastResult: loop.lastResult,
      LastRunTime: loop.lastRunAtMs === null ? null : rfc3339(loop.lastRunAtMs),
      NextDueInMs: loop.nextDueInMs === null ? null : Math.round(loop.nextDueInMs),
    }));
    return { Loops };
  },
  async DescribeTraffic({ query }, { control }) {
    const { state } = await control.read();
    const options = {
      service: query.ServiceName ?? null,
      withInstances: query.Instances === true,
      groupOf: (name: ServiceName) => state.services.get(name)?.group ?? null,
    };
    return { Traffic: control.traffic(query.Seconds ?? 60).map((second) => trafficView(second, options)) };
  },
  async ListGatewayWorkers(_, { control }) {
    const Gateways = control.gateways().map((gateway) => ({
      GatewayId: gateway.id,
      Pid: gateway.pid,
      IsListening: gateway.isListening,
      TableNumber: gateway.tableNumber,
      Connections: gateway.connections,
      Limits: { ...gateway.limits },
      RefusedTableNumber: gateway.refusal?.tableNumber ?? null,
      Refusal: gateway.refusal?.reason ?? null,
      Tls: tlsView(gateway.tls),
    }));
    return { Gateways };
  },
  async RestartGatewayWorkers(_, { control }) {
    await control.restartGateways();
    return {};
  },
  async ListCachedFiles(_, { control }) {
    const { bytesMax, contents } = await control.cachedFiles();
    const Contents = contents.map(({ id, bytes, usedAtMs, sources, referrers }) => ({
      ContentId: id,
      Bytes: bytes,
      LastUsedTime: rfc3339(usedAtMs),
      Sources: [...sources],
      Referrers: referrers.map(({ service, version }) => ({ ServiceName: service, Version: version })),
    }));
    return { BytesMax: bytesMax, Contents };
  },
  async DeleteCachedFile({ path }, { control }) {
    await control.deleteCachedFile(path.ContentId);
    return {};
  },
  async CheckHealth() {
    return { Status: "ok" };
  },
  async CheckReadiness(_, { control }) {
    const checks = await control.readiness();
    if (checks.some(({ isOk }) => !isOk)) throw new ServingError("NOT_READY", { checks });
    return { Checks: checks.map(({ name, isOk, reason }) => ({ Name: name, IsOk: isOk, Reason: reason })) };
  },
  async DescribeOpenApi(_, { version, region }) {
    return openApiDocument({ version, address: "/", region });
  },
};

function tlsView(tls: TlsState | null) {
  if (tls === null) return null;
  const { port, certificate, problem, warnings } = tls;
  return {
    Port: port,
    Subject: certificate?.subject ?? null,
    Names: [...(certificate?.names ?? [])],
    NotBefore: certificate === null ? null : rfc3339(certificate.notBeforeMs),
    NotAfter: certificate === null ? null : rfc3339(certificate.notAfterMs),
    Fingerprint: certificate?.fingerprint ?? null,
    Problem: problem,
    Warnings: [...warnings],
  };
}
