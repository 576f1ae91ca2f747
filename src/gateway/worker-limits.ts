import type { Caps, Times } from "./data-plane.ts";
import * as limits from "./limits.ts";

/** The time limits of a worker unless it is told others. */
export const TIMES: Times = {
  sweepMs: limits.SWEEP_MS,
  clientIdleMs: limits.CLIENT_IDLE_MS,
  handshakeMs: limits.HANDSHAKE_MS,
  certificateLookMs: limits.CERTIFICATE_LOOK_MS,
  headMs: limits.HEAD_MS,
  bodyStallMs: limits.BODY_STALL_MS,
  writeStallMs: limits.WRITE_STALL_MS,
  lingerMs: limits.LINGER_MS,
  connectMs: limits.CONNECT_MS,
  timeoutMarginMs: limits.TIMEOUT_MARGIN_MS,
  suspectMs: limits.SUSPECT_MS,
  upstreamIdleMs: limits.UPSTREAM_IDLE_MS,
  drainIdleMs: limits.DRAIN_IDLE_MS,
  drainMs: limits.DRAIN_MS,
  leaveMs: limits.LEAVE_MS,
  tunnelIdleMs: limits.TUNNEL_IDLE_MS,
  tunnelHalfMs: limits.TUNNEL_HALF_MS,
  tunnelCloseMs: limits.TUNNEL_CLOSE_MS,
  reportMs: limits.REPORT_MS,
  clientRateWindowMs: limits.CLIENT_RATE_WINDOW_MS,
};

/** Its limits that are no times, unless it is told others. */
export const CAPS: Caps = {
  clientsMax: limits.CLIENTS_MAX,
  clientsPerAddressMax: limits.CLIENTS_PER_ADDRESS_MAX,
  bytesInFlightMax: limits.BYTES_IN_FLIGHT_MAX,
  clientRateMin: limits.CLIENT_RATE_MIN,
  http2StreamsMax: limits.HTTP2_STREAMS_MAX,
};
