/**
 * Columns that a terminal gives to a text. Han, kana, hangul and emoji take two; combining marks, joiners and variation
 * selectors none (Unicode Standard Annex 11, classes W and F, in whole blocks).
 */
export function textWidth(text: string): number {
  if (/^[\u0020-\u007e]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

const NONE = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const EMOJI = /^\p{Emoji_Presentation}$/u;
/** First and last code points of the blocks whose characters are wide. */
const WIDE: readonly (readonly [from: number, to: number])[] = [
  [0x1100, 0x115f], // hangul that begins a syllable
  [0x2e80, 0x303e], // radicals of Han, their punctuation
  [0x3041, 0x33ff], // kana, bopomofo, and what is set in squares
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff], // Han
  [0xa000, 0xa4cf], // Yi
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3], // hangul
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60], // full-width forms
  [0xffe0, 0xffe6],
  [0x20000, 0x3fffd],
];

function characterWidth(character: string): number {
  const code = character.codePointAt(0)!;
  if (NONE.test(character)) return 0;
  return EMOJI.test(character) || WIDE.some(([from, to]) => code >= from && code <= to) ? 2 : 1;
}

/** The longest beginning of a text that is at most so wide; at least one character, so that there is an end. */
export function beginning(text: string, widthMax: number): string {
  let end = 0;
  let width = 0;
  for (const character of text) {
    width += characterWidth(character);
    if (width > widthMax && end > 0) break;
    end += character.length;
  }
  return text.slice(0, end);
}
