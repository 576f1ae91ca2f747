import type { AccessEnd, AccessEntry } from "./access-log.ts";

/** Texts that stand in JSON as they are. */
const PLAIN = /^[ !#-[\]-~]*$/;
const BEYOND_ASCII = /[\u007f-\uffff]/g;

/** Names that lines have again and again; beyond so many of them, all are forgotten and learnt anew. */
const NAMES_MAX = 1_000;

/**
 * Writes lines of the access log: JSON in ASCII. A template for what lines have in common, which costs half of making an object for
 * `JSON.stringify`; whatever could need care goes through that.
 */
export class AccessText {
  #timeMs = Number.NaN;
  #time = "";
  readonly #names = new Map<string | null, string>();

  /** `timeMs` since 1970. */
  line(timeMs: number, { method, path }: AccessEntry, end: AccessEnd): string {
    if (timeMs !== this.#timeMs) {
      // Dozens of requests end within a ms.
      this.#timeMs = timeMs;
      this.#time = new Date(timeMs).toISOString();
    }
    const { requestId, client } = end;
    const isPlain = path !== null && PLAIN.test(requestId + client + path);
    const ids = isPlain
      ? `"requestId":"${requestId}","client":"${client}","path":"${path}"`
      : `"requestId":${textOf(requestId)},"client":${textOf(client)},"path":${textOf(path)}`;
    const names = `"service":${this.#name(end.service)},"member":${this.#name(end.member)},"instance":${this.#name(end.instance)}`;
    const how = `"method":${this.#name(method)},"status":${numberOf(end.status)},"reason":${this.#name(end.reason)}`;
    return `{"time":"${this.#time}",${ids},${names},${how},"bytes":${numberOf(end.bytes)},"ms":${msOf(end.ms)}}\n`;
  }

  #name(name: string | null): string {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const text = textOf(name);
    if (this.#names.size >= NAMES_MAX) this.#names.clear();
    this.#names.set(name, text);
    return text;
  }
}

function textOf(text: string | null): string {
  return text === null ? "null" : JSON.stringify(text).replace(BEYOND_ASCII, escaped);
}

const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;

const numberOf = (value: number) => (Number.isSafeInteger(value) ? value : JSON.stringify(value));

/** With three digits after the point; whole numbers are faster to write than others. */
function msOf(ms: number): string {
  const us = Math.round(ms * 1000);
  if (!(us >= 0 && us < 2 ** 31)) return JSON.stringify(us / 1000);
  return `${Math.trunc(us / 1000)}.${String(1000 + (us % 1000)).slice(1)}`;
}
