/** Bytes that may be held, and are. */
export class MirrorBudget {
  readonly bytesMax: number;
  bytesHeld = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** Takes `bytes` if there is room for all of them. */
  take(bytes: number): boolean {
    if (this.bytesHeld + bytes > this.bytesMax) return false;
    this.bytesHeld += bytes;
    return true;
  }

  give(bytes: number): void {
    this.bytesHeld -= bytes;
  }
}
