/** One JSON text in a file: where it stands is kept by the empty lines before it, so that a message about line n means the file's. */
export interface JsonText {
  readonly text: string;
  /** Line of the file that it begins in, from 1. */
  readonly line: number;
}

/**
 * The JSON texts in a file: one, several one after the other, or the items of a list. What is no JSON comes back as one piece, for
 * whoever reads it to say what is wrong.
 */
export function jsonTexts(text: string): JsonText[] {
  const found: JsonText[] = [];
  let at = pastBlanks(text, 0);
  while (at < text.length) {
    const end = valueEnd(text, at);
    if (text[at] === "[") found.push(...itemsOf(text, at, end));
    else found.push(piece(text, at, end));
    at = pastBlanks(text, end);
  }
  return found;
}

function itemsOf(text: string, open: number, end: number): JsonText[] {
  const found: JsonText[] = [];
  const close = end - 1;
  // A list that is not well formed is one piece, and its reader says why.
  if (!isJson(text.slice(open, end))) return [piece(text, open, end)];
  let at = pastBlanks(text, open + 1);
  while (at < close) {
    const itemEnd = valueEnd(text, at);
    found.push(piece(text, at, itemEnd));
    at = pastBlanks(text, itemEnd);
    if (text[at] === ",") at = pastBlanks(text, at + 1);
  }
  return found;
}

function piece(text: string, from: number, to: number): JsonText {
  const line = text.slice(0, from).split("\n").length;
  return { text: "\n".repeat(line - 1) + text.slice(from, to), line };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function pastBlanks(text: string, from: number): number {
  let at = from;
  // A byte order mark may begin the file.
  while (at < text.length && /[\s\ufeff]/.test(text[at]!)) at += 1;
  return at;
}

/** Behind the object or list that begins here; of anything else, and of one that is not closed, the end of the text. */
function valueEnd(text: string, from: number): number {
  if (text[from] !== "{" && text[from] !== "[") return plainEnd(text, from);
  let depth = 0;
  let isQuoted = false;
  for (let at = from; at < text.length; at += 1) {
    const character = text[at]!;
    if (isQuoted) {
      if (character === "\\") at += 1;
      else if (character === '"') isQuoted = false;
    } else if (character === '"') isQuoted = true;
    else if (character === "{" || character === "[") depth += 1;
    else if (character === "}" || character === "]") {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}

/** Numbers, words and texts are no documents; they end where the next thing in a list would begin. */
function plainEnd(text: string, from: number): number {
  if (text[from] === '"') {
    const match = /^"(?:[^"\\]|\\.)*"/s.exec(text.slice(from));
    return match === null ? text.length : from + match[0].length;
  }
  const match = /^[^\s,\]}{["]+/.exec(text.slice(from));
  return from + (match?.[0].length ?? 1);
}
