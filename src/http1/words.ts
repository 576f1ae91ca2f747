/**
 * Bytes of a head four at a time. Looked at one by one they cost 1 to 3 ns each, and reading heads is the largest part of a small
 * request that is JavaScript. The order of bytes in a word does not matter here; it is fixed only so that words can be compared.
 */

let lastBuffer: Uint8Array | null = null;
let lastView: DataView = new DataView(new ArrayBuffer(0));

/** A view of all of `buf`, with the same indexes. The last one is kept: heads nearly all lie in the one buffer that reads go to. */
export function viewOf(buf: Uint8Array): DataView {
  if (buf !== lastBuffer) {
    lastBuffer = buf;
    lastView = new DataView(buf.buffer, buf.byteOffset, buf.byteLength);
  }
  return lastView;
}

/** The highest bit of each byte. */
const HIGH = 0x80808080 | 0;
/** Makes small letters of capitals. Exact for token characters only. */
const FOLD = 0x20202020;

/**
 * Index in `[from, end]` up to which there are only spaces and visible ASCII. It may stop early: at most three such bytes, or a run that
 * a tab or a byte above ASCII stands close to, may follow.
 */
export function skipVisible(view: DataView, from: number, end: number): number {
  const last = end - 4;
  let at = from;
  for (; at <= last; at += 4) {
    const word = view.getInt32(at, true);
    // 0x60 added sets the bit of what is 0x20 or above, 1 added that of DEL. A byte that has it already spoils its word, carry and all.
    const isVisible = (word + 0x60606060) & ~(word | (word + 0x01010101)) & HIGH;
    if (isVisible !== HIGH) break;
  }
  return at;
}

/** A name of at least four bytes as words, in small letters; the last one begins four bytes before its end. */
export function foldedWords(name: Uint8Array): Int32Array {
  const view = viewOf(name);
  const count = Math.ceil(name.length / 4);
  return Int32Array.from({ length: count }, (_, i) => foldedAt(view, Math.min(i * 4, name.length - 4)));
}

/** The word at `at`, in small letters. */
export function foldedAt(view: DataView, at: number): number {
  return view.getInt32(at, true) | FOLD;
}

/** True when `[from, to)`, as long as the name of `words` and of token characters, is that name in any case. */
export function isFoldedWords(view: DataView, from: number, to: number, words: Int32Array): boolean {
  const last = words.length - 1;
  for (let i = 0; i < last; i++) if (foldedAt(view, from + i * 4) !== words[i]) return false;
  return foldedAt(view, to - 4) === words[last];
}
