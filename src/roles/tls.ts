import { resolve } from "node:path";
import { envOf, flagOf } from "../base/settings.ts";
import { type Found, readCertificate } from "../gateway/certificate-files.ts";
import { dateWarning } from "../gateway/certificate-pair.ts";
import type { GatewayProcess, GatewayTls } from "../ports/gateways.ts";
import { claimPort } from "./ports.ts";
import type { ServeSettings } from "./settings.ts";

/** The certificate cannot be used as the settings name it. */
export class BadCertificate extends Error {
  override readonly name = "BadCertificate";
}

/** What the gateways are to speak TLS with, checked, and what a person should see to. */
export interface TlsPlan {
  readonly tls: GatewayTls;
  readonly warnings: readonly string[];
}

const WILDCARDS = ["0.0.0.0", "::"];

/**
 * Null: no TLS was asked for. Living gateways keep their port; else one is found free, that is not the `plainPort`.
 * @throws BadCertificate naming the setting or file and what is wrong; PortTaken
 */
export async function planTls(
  settings: ServeSettings,
  plainPort: number,
  living: readonly GatewayProcess[],
  nowMs: number,
): Promise<TlsPlan | null> {
  const { tlsCert, tlsKey, tlsPort } = settings;
  if (tlsCert === null && tlsKey === null) return null;
  if (tlsCert === null || tlsKey === null) {
    const [given, missing] = tlsCert === null ? ["tlsKey", "tlsCert"] : ["tlsCert", "tlsKey"];
    throw new BadCertificate(
      `${flagOf(given)} was given without ${flagOf(missing)} (${envOf(missing)}): TLS needs both files`,
    );
  }
  // Gateways run elsewhere than here.
  const paths = { certFile: resolve(tlsCert), keyFile: resolve(tlsKey) };
  const found = await readCertificate(paths);
  if (found.problem !== null) throw new BadCertificate(`TLS is not possible: ${found.problem}`);
  const host = settings.tlsHost ?? settings.host;
  // Workers share ports among themselves, so the system would let one port have both.
  const isOneHost = [host, settings.host].some((h) => WILDCARDS.includes(h)) || host === settings.host;
  if (tlsPort === plainPort && isOneHost)
    throw new BadCertificate(
      `--tls-port and --port are both ${plainPort}: TLS is spoken on a port of its own`,
    );
  const same = living.find((g) => g.tls?.host === host && (tlsPort === 0 || g.tls.port === tlsPort));
  const claim = () => claimPort("the gateway", host, tlsPort, "--tls-port");
  let port = same?.tls?.port ?? (await claim());
  while (tlsPort === 0 && port === plainPort) port = await claim();
  return { tls: { host, port, ...paths }, warnings: warningsOf(found, nowMs) };
}

function warningsOf({ pair, warning }: Found, nowMs: number): string[] {
  const dates = pair === null ? null : dateWarning(pair.facts, nowMs);
  return [warning, dates].filter((text) => text !== null);
}
