import { forwardedLines } from "./head-rewrite.ts";

/** Where a client is connected from, as its requests tell an instance; one object for all connections from one address. */
export class ClientOrigin {
  readonly address: string;
  readonly bytes: Buffer;
  /** What {@link forwardedLines} makes of it. */
  readonly forwardedLines: Buffer;

  constructor(address: string) {
    this.address = address;
    this.bytes = Buffer.from(address, "latin1");
    this.forwardedLines = forwardedLines(this.bytes);
  }
}
