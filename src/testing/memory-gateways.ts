import type { GatewayReport } from "../control/control-plane.ts";

/** Two gateway workers after so many restarts of all; the second did not take the newest table. */
export function gatewayReports(restartCount: number): GatewayReport[] {
  const gateway = {
    pid: 7,
    isListening: true,
    tableNumber: 3,
    connections: 1,
    limits: {},
    refusal: null,
    tls: null,
  };
  const refusal = { tableNumber: 4, reason: "services[0].name: is not a name" };
  return [
    { ...gateway, id: "gateway-0", pid: 7 + 10 * restartCount },
    { ...gateway, id: "gateway-1", pid: 8 + 10 * restartCount, refusal },
  ];
}
