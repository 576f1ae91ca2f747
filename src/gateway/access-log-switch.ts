import type { AccessLogOptions } from "../core/gateway-report.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import { AccessLog } from "./access-log.ts";

/** The access log of one worker: begins, goes on or ends as the control process says. */
export class AccessLogSwitch {
  /** Null while it is off. */
  current: AccessLog | null = null;
  readonly #deps: { readonly clock: Clock; readonly random: Random; readonly log: Log };
  /** Lines since they were last taken. */
  #lines = { written: 0, dropped: 0 };

  constructor(deps: { readonly clock: Clock; readonly random: Random; readonly log: Log }) {
    this.#deps = deps;
  }

  /** The log goes on as it is, ends, or begins. */
  set(options: AccessLogOptions & { readonly file: string }): void {
    const before = this.current;
    const { file, share, withQuery } = options;
    const isSame = JSON.stringify(before?.options ?? null) === JSON.stringify({ file, share, withQuery });
    if (isSame) return;
    const { clock, random, log } = this.#deps;
    this.current = share === null ? null : new AccessLog({ file, share, withQuery }, { clock, random });
    log.info({ share, withQuery }, "access log");
    if (before !== null) void before.close().then(() => this.#count(before));
  }

  /** Lines since the last call, also of a log that has ended. */
  take(): { readonly written: number; readonly dropped: number } {
    if (this.current !== null) this.#count(this.current);
    const taken = this.#lines;
    this.#lines = { written: 0, dropped: 0 };
    return taken;
  }

  #count(log: AccessLog): void {
    const { written, dropped } = log.take();
    this.#lines = { written: this.#lines.written + written, dropped: this.#lines.dropped + dropped };
  }
}
