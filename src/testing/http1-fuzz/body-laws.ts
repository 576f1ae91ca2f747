import { assert } from "../../base/assert.ts";
import type { ContentSink } from "../../http1/message-body.ts";
import { BODY_BROKEN, BODY_MORE, MessageBody } from "../../http1/message-body.ts";
import type { MessageHead } from "../../http1/message-head.ts";
import type { Dice } from "./dice.ts";
import { INPUT_BYTES_MAX } from "./input-maker.ts";

/** Lines up content, to be compared. */
class Gathered implements ContentSink {
  readonly bytes = Buffer.alloc(INPUT_BYTES_MAX);
  length = 0;

  content(buf: Uint8Array, from: number, to: number): boolean {
    assert(from <= to && to <= buf.length && this.length + to - from <= INPUT_BYTES_MAX, "a piece in range");
    this.bytes.set(buf.subarray(from, to), this.length);
    this.length += to - from;
    return true;
  }
}

const body = new MessageBody();
const whole = new Gathered();
const cut = new Gathered();
const piece = Buffer.alloc(INPUT_BYTES_MAX);

/** How a body begins: `startRequest`, or `startResponse` with what the request was. */
type Start = (body: MessageBody, head: MessageHead) => void;

/**
 * The body behind a head, in `bytes[from..to)`: its end is in range, the same however it is cut and whether anybody takes the
 * content or not; the content is what a simple reading gives. Returns what `advance` says of the whole.
 */
export function checkBody(
  start: Start,
  head: MessageHead,
  bytes: Buffer,
  from: number,
  to: number,
  dice: Dice,
): number {
  start(body, head);
  const isChunked = !body.isDone && !body.isUntilClose && head.isChunked;
  body.sink = whole;
  whole.length = 0;
  const end = body.advance(bytes, from, to);
  assert(end === BODY_MORE || end === BODY_BROKEN || (end >= from && end <= to), `end ${end}`);
  assert(end >= 0 === body.isDone, "done at the end, and only there");
  assert(end === BODY_BROKEN || body.bytesAhead <= body.bytesLeft, "bytes ahead are bytes left");
  // A reader that counts in 32 bits with a sign must see the same chunk.
  assert(!isChunked || end !== BODY_MORE || body.bytesAhead <= 0x7fffffff, `a chunk of ${body.bytesAhead}`);
  const isCounted = dice.once(2);
  const found = inPieces(start, head, bytes, from, to, dice, isCounted ? null : cut);
  assert(found === end, `in pieces ${found}, whole ${end}`);
  const isSame =
    end === BODY_BROKEN || isCounted || whole.bytes.compare(cut.bytes, 0, cut.length, 0, whole.length) === 0;
  assert(isSame, "the content in pieces");
  if (end >= 0 && isChunked) checkChunks(bytes, from, end);
  return end;
}

function inPieces(
  start: Start,
  head: MessageHead,
  bytes: Buffer,
  from: number,
  to: number,
  dice: Dice,
  sink: Gathered | null,
): number {
  start(body, head);
  body.sink = sink;
  cut.length = 0;
  if (body.isDone) return body.advance(bytes, from, to);
  const longest = 1 + dice.below(40) * (to - from > 1000 ? 100 : 1);
  for (let at = from; at < to; ) {
    const size = Math.min(to - at, 1 + dice.below(longest));
    const offset = dice.below(4);
    bytes.copy(piece, offset, at, at + size);
    const end = body.advance(piece, offset, offset + size);
    if (end >= 0) return at + end - offset;
    if (end !== BODY_MORE) return end;
    at += size;
  }
  return BODY_MORE;
}

/** Reads accepted chunks in the simplest way there is, line by line, and compares end and content. */
function checkChunks(bytes: Buffer, from: number, end: number): void {
  let at = from;
  let length = 0;
  for (;;) {
    const lineTo = bytes.indexOf("\r\n", at, "latin1");
    const digits = /^[0-9A-Fa-f]+(?=;|$)/.exec(bytes.toString("latin1", at, lineTo))?.[0];
    assert(digits !== undefined, `a chunk size at ${at}`);
    const size = Number.parseInt(digits, 16);
    assert(size <= 0x7fffffff, `a chunk of ${size}`);
    at = lineTo + 2;
    if (size === 0) break;
    assert(whole.bytes.compare(bytes, at, at + size, length, length + size) === 0, `the chunk at ${at}`);
    length += size;
    at += size;
    assert(bytes[at] === 0x0d && bytes[at + 1] === 0x0a, `the end of a chunk at ${at}`);
    at += 2;
  }
  assert(length === whole.length, `content of ${whole.length}, not ${length}`);
  for (;;) {
    const lineTo = bytes.indexOf("\r\n", at, "latin1");
    const isLast = lineTo === at;
    at = lineTo + 2;
    if (isLast) break;
  }
  assert(at === end, `the end is ${end}, not ${at}`);
}
