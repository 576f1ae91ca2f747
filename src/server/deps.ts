import type { ControlPlane } from "../control/control-plane.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import type { OwnKeyFile } from "./keyring.ts";
import type { Sealer } from "./sealing.ts";

/** What the API server needs from outside. */
export interface ServerDeps {
  readonly control: ControlPlane;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The installation's own access key; the others are in the store. */
  readonly ownKey: OwnKeyFile;
  /** Seals the secrets of the others. */
  readonly sealer: Sealer;
  /** How far the clock of one who signs may be off, in ms, to both sides. */
  readonly signatureWindowMs: number;
  /** The region that this installation is, as ClusterId in paths. */
  readonly region: string;
  /** Where clients reach the gateway, e.g. `http://127.0.0.1:8080`: addresses of services are made from it. */
  readonly gatewayAddress: string;
  /** Version of Sluice, for the OpenAPI document. */
  readonly version: string;
  readonly limits?: Partial<ServerLimits>;
}

/** Limits of one request to the API. */
export interface ServerLimits {
  /** Longest body. A service.json stays far below; a hostile one of this size costs the control process 0.1 s. */
  readonly documentBytesMax: number;
  /** Longest body of lines, which is a backup: at 3 kB a document and ten versions of each, that of 8,000 services. */
  readonly linesBytesMax: number;
  /**
   * How much of a body that is too long is read and thrown away before the answer. A client that is still writing when
   * the connection closes sees a broken pipe instead of the 413.
   */
  readonly discardBytesMax: number;
  /** Connections at once; one more is closed. A client needs one, and a machine has some tens of clients. */
  readonly connectionsMax: number;
  /** A client has so long to send its head. */
  readonly headMs: number;
  /** A client has so long to send the whole request. */
  readonly requestMs: number;
}

export const SERVER_LIMITS: ServerLimits = {
  documentBytesMax: 1024 * 1024,
  linesBytesMax: 256 * 1024 * 1024,
  discardBytesMax: 64 * 1024 * 1024,
  connectionsMax: 1000,
  headMs: 10_000,
  requestMs: 60_000,
};
