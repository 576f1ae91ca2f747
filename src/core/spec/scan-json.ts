/** Deepest nesting that is read. V8 reads more, but what comes after walks the value by recursion. */
export const JSON_DEPTH_MAX = 200;

/** Where a text stops being JSON (RFC 8259), and how. */
export interface JsonFault {
  /** Index in UTF-16 units. */
  readonly offset: number;
  /** What is wrong there, as a phrase. Holds no more of the text than a character or a name. */
  readonly detail: string;
}

/** Thrown inside the scanner only. */
class Fault extends Error {
  readonly fault: JsonFault;
  constructor(fault: JsonFault) {
    super(fault.detail);
    this.fault = fault;
  }
}

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a string may not hold.
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const WORD = /[A-Za-z_$][A-Za-z0-9_$]*/y;
const LITERALS = new Set(["true", "false", "null"]);
/** What other notations write for a literal. */
const MEANT = new Map([
  ["True", "true"],
  ["False", "false"],
  ["None", "null"],
  ["undefined", "null"],
  ["nil", "null"],
]);

/**
 * Finds the first thing that keeps a text from being JSON, or that makes its meaning doubtful: a name given twice
 * in one object. Null when there is none. Takes time linear in the text.
 */
export function findJsonFault(text: string): JsonFault | null {
  const scanner = new Scanner(text);
  try {
    scanner.document();
    return null;
  } catch (error) {
    if (error instanceof Fault) return error.fault;
    throw error;
  }
}

class Scanner {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    this.#value("a JSON value");
    this.#space();
    if (this.#at < this.#text.length) this.#fail("the end: one value is already complete");
  }

  #fail(expected: string): never {
    throw new Fault({ offset: this.#at, detail: `found ${this.#found()}, expected ${expected}` });
  }

  /** What stands here: one character, a word that other notations have, or the end. */
  #found(): string {
    if (this.#at >= this.#text.length) return "the end of the text";
    if (this.#text.startsWith("//", this.#at) || this.#text.startsWith("/*", this.#at)) {
      return "a comment (JSON has none)";
    }
    const character = String.fromCodePoint(this.#text.codePointAt(this.#at)!);
    if (character === "'") return "a single quote (JSON has double quotes only)";
    return JSON.stringify(character);
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return null;
    this.#at = pattern.lastIndex;
    return match[0];
  }

  #space(): void {
    this.#match(SPACE);
  }

  #take(character: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #value(expected: string): void {
    this.#space();
    const first = this.#text[this.#at];
    if (first === "{") this.#nested(() => this.#object());
    else if (first === "[") this.#nested(() => this.#list());
    else if (first === '"') this.#string();
    else if (this.#match(NUMBER) === null) this.#literal(expected);
  }

  #literal(expected: string): void {
    const start = this.#at;
    const word = this.#match(WORD);
    if (word !== null && LITERALS.has(word)) return;
    this.#at = start;
    const meant = word === null ? undefined : MEANT.get(word);
    if (meant !== undefined) throw new Fault({ offset: start, detail: `found ${word}, expected ${meant}` });
    if (word !== null) this.#fail(`${expected}; a text stands in double quotes`);
    this.#fail(expected);
  }

  #nested(inside: () => void): void {
    if (this.#depth >= JSON_DEPTH_MAX) {
      throw new Fault({ offset: this.#at, detail: `nested deeper than ${JSON_DEPTH_MAX} levels` });
    }
    this.#depth++;
    this.#at++;
    inside();
    this.#depth--;
  }

  #list(): void {
    if (this.#take("]")) return;
    do {
      this.#value("a value");
    } while (this.#goesOn("]", "the list"));
  }

  #object(): void {
    if (this.#take("}")) return;
    const names = new Set<string>();
    do {
      this.#space();
      const start = this.#at;
      if (this.#text[start] !== '"') this.#fail("a name in double quotes");
      const name = this.#string();
      if (names.has(name))
        throw new Fault({ offset: start, detail: `the name ${shorten(name)} is given twice` });
      names.add(name);
      if (!this.#take(":")) this.#fail(`":" after the name ${shorten(name)}`);
      this.#value(`a value for ${shorten(name)}`);
    } while (this.#goesOn("}", "the object"));
  }

  /** After an item: true for a comma and one more item, false for the end. */
  #goesOn(end: string, what: string): boolean {
    if (this.#take(end)) return false;
    const comma = this.#at;
    if (!this.#take(",")) this.#fail(`"," or ${JSON.stringify(end)} to go on with or to end ${what}`);
    this.#space();
    if (this.#text[this.#at] !== end) return true;
    throw new Fault({
      offset: comma,
      detail: `found ",", expected the end of ${what}: no comma after its last item`,
    });
  }

  #string(): string {
    const start = this.#at;
    this.#at++;
    for (;;) {
      this.#match(PLAIN);
      const character = this.#text[this.#at];
      if (character === '"') break;
      if (character === undefined) {
        throw new Fault({ offset: start, detail: "this string has no closing double quote" });
      }
      if (character !== "\\")
        this.#fail("an escape such as \\n: a string holds no line ends or control characters");
      if (this.#match(ESCAPE) === null) {
        this.#fail('an escape: one of \\" \\\\ \\/ \\b \\f \\n \\r \\t, or \\u with four hexadecimal digits');
      }
    }
    this.#at++;
    const raw = this.#text.slice(start, this.#at);
    return raw.includes("\\") ? (JSON.parse(raw) as string) : raw.slice(1, -1);
  }
}

const shorten = (name: string) => JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}…` : name);
