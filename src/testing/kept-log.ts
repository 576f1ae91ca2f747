import type { Log } from "../ports/log.ts";

/** A log that keeps its lines for a test to look at. */
export class KeptLog implements Log {
  readonly lines: { readonly level: string; readonly facts: object; readonly text: string }[] = [];
  debug = (facts: object, text: string) => this.#keep("debug", facts, text);
  info = (facts: object, text: string) => this.#keep("info", facts, text);
  warn = (facts: object, text: string) => this.#keep("warn", facts, text);
  error = (facts: object, text: string) => this.#keep("error", facts, text);

  #keep(level: string, facts: object, text: string): void {
    this.lines.push({ level, facts, text });
    if (this.lines.length > 1000) this.lines.shift();
  }
}
