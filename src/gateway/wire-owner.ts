/** Who lives on a wire. */
export interface WireOwner {
  /**
   * `buf[0..to)` arrived. It must be copied or passed to a wire before this returns; when passing is not finished, reading
   * must be paused until it is.
   */
  bytes(buf: Buffer, to: number): void;
  /** Writes that could not be finished at once are finished now. */
  flushed(): void;
  connected(): void;
  /** The other side will send no more. */
  ended(): void;
  /** It is over, for whatever reason; called once, and last. */
  gone(error: Error | null): void;
}

/** Lives on a wire that was given away. */
export const NOBODY: WireOwner = { bytes() {}, flushed() {}, connected() {}, ended() {}, gone() {} };
