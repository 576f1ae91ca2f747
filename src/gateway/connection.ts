/**
 * Something that a client has at this worker and that ends with it: a connection, or one stream of an HTTP/2 connection. Each takes one of
 * the worker's places for connections (`Caps.clientsMax`), as each costs about the same.
 */
export interface Connection {
  /** No request is on it, or on its way as far as we can see. */
  readonly isIdle: boolean;
  /** Ends it when nothing is on it any more. */
  close(): void;
  /** Ends what may go on without end, in order. */
  closeTunnel(): void;
  /** Cuts it. */
  destroy(): void;
  /** Looks at its time limits; `nowMs` is monotonic. */
  sweep(nowMs: number): void;
}
