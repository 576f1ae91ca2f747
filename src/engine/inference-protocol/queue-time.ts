/** How long a call waited in the queue, for the gateway that asked. */
export class QueueTime {
  #since = 0;
  #us = 0;

  /** It waits from now on, monotonic ms. */
  begin(now: number): void {
    this.#since = now;
  }

  /** It waits no longer. Nothing happens when it did not. */
  end(now: number): void {
    if (this.#since !== 0) this.#us = Math.max(1, Math.round((now - this.#since) * 1000));
  }

  /** Metadata of its answer (protocols.md); empty when it did not wait. */
  get metadata(): Record<string, string> {
    return this.#us === 0 ? {} : { "x-sluice-queue-us": String(this.#us) };
  }
}
