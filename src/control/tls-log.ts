import type { TlsState } from "../core/gateway-report.ts";
import type { GatewayId } from "../core/names.ts";
import type { Log } from "../ports/log.ts";

/** Logs what is new in a gateway's TLS since `before`. */
export function logTls(log: Log, gateway: GatewayId, before: TlsState | null, now: TlsState): void {
  const { problem, warnings, certificate } = now;
  if (problem !== null && problem !== before?.problem) log.warn({ gateway, problem }, "certificate refused");
  for (const warning of warnings)
    if (before?.warnings.includes(warning) !== true) log.warn({ gateway, warning }, "certificate");
  const fingerprint = certificate?.fingerprint;
  if (fingerprint !== undefined && fingerprint !== before?.certificate?.fingerprint)
    log.info({ gateway, fingerprint }, "certificate in force");
}
