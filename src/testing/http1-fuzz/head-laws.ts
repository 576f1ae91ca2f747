import { assert } from "../../base/assert.ts";
import { ADDED_BYTES_MAX, forwardedLines, writeRequest } from "../../gateway/head-rewrite.ts";
import { FIELD } from "../../http1/field-names.ts";
import { HEAD_BYTES_MAX } from "../../http1/limits.ts";
import { FIELD_STRIDE, HEAD_ERRORS, MessageHead, NEED_MORE } from "../../http1/message-head.ts";
import { findHeadEnd, parseRequestHead } from "../../http1/request-head.ts";
import type { Dice } from "./dice.ts";
import { INPUT_BYTES_MAX } from "./input-maker.ts";

/** A head parser: `parseRequestHead` or `parseResponseHead`. */
export type HeadParser = typeof parseRequestHead;

const again = new MessageHead();
const OFFSET_MAX = 8;
const space = Buffer.alloc(INPUT_BYTES_MAX + 64);
const written = Buffer.alloc(INPUT_BYTES_MAX * 2 + ADDED_BYTES_MAX);
/** What stands behind the bytes that a parser may look at: whoever reads on would find an end there. */
const POISON = ["\r\n\r\n", "\n\n", ": a\r\n\r\n", " HTTP/1.1\r\n\r\n", "1", "\0", " "].map((text) =>
  Buffer.from(text),
);
const CR = 0x0d;
const LF = 0x0a;
const isBlank = (byte: number | undefined) => byte === 0x20 || byte === 0x09;

/** Whether `result` is one that a parser may give for `length` bytes. */
export function checkRange(result: number, length: number): void {
  assert(Number.isInteger(result) && result >= -HEAD_ERRORS.length && result <= length, `result ${result}`);
}

/** The same bytes at another place, and shorter beginnings of them, say the same or that more is needed. */
export function checkCuts(
  parse: HeadParser,
  bytes: Buffer,
  length: number,
  result: number,
  dice: Dice,
): void {
  const offset = dice.below(OFFSET_MAX);
  for (let tries = 0; tries < 3; tries++) {
    const to = tries === 0 ? length : dice.below(length + 1);
    bytes.copy(space, offset, 0, to);
    space.set(dice.of(POISON), offset + to);
    const moved = parse(again, space, offset, offset + to);
    const found = moved > 0 ? moved - offset : moved;
    if (to === length) assert(found === result, `at ${offset}: ${found} in place of ${result}`);
    else assert(found === NEED_MORE || found === result, `cut at ${to}: ${found}, whole: ${result}`);
    // A head that is whole is understood as soon as its last byte is here.
    if (result > 0)
      assert(to < result ? found === NEED_MORE : found === result, `cut at ${to}: ${found} of ${result}`);
  }
}

/** All positions of an accepted head lie in it, in order, and hold no byte that could end a line. */
export function checkRanges(head: MessageHead, bytes: Buffer, result: number, isRequest: boolean): void {
  assert(result <= HEAD_BYTES_MAX && head.fieldsTo === result - 2, "the end of the fields");
  assert(bytes[result - 2] === CR && bytes[result - 1] === LF, "the empty line");
  if (isRequest) {
    const { methodFrom, methodTo, targetFrom, pathFrom, targetTo, fieldsFrom } = head;
    assert(methodFrom < methodTo && methodTo + 1 === targetFrom && targetFrom < targetTo, "the request line");
    assert(targetFrom <= pathFrom && pathFrom <= targetTo && targetTo + 11 === fieldsFrom, "the target");
    checkText(bytes, methodFrom, targetTo);
  }
  let at = head.fieldsFrom;
  for (let i = 0; i < head.fieldCount; i++) {
    const slot = i * FIELD_STRIDE;
    const [nameFrom, nameTo, valueFrom, valueTo] = head.fields.subarray(
      slot,
      slot + 4,
    ) as unknown as number[];
    assert(
      nameFrom === at && nameFrom < nameTo! && nameTo! < valueFrom! && valueFrom! <= valueTo!,
      `field ${i}`,
    );
    checkText(bytes, nameFrom!, valueTo!);
    const isTrimmed = valueFrom === valueTo || !(isBlank(bytes[valueFrom!]) || isBlank(bytes[valueTo! - 1]));
    assert(isTrimmed, `white space around value ${i}`);
    at = i + 1 < head.fieldCount ? head.fields[slot + FIELD_STRIDE]! : head.fieldsTo;
    assert(bytes[at - 2] === CR && bytes[at - 1] === LF && valueTo! <= at - 2, `the end of field ${i}`);
  }
  assert(at === head.fieldsTo, "fields reach to the end");
}

function checkText(bytes: Buffer, from: number, to: number): void {
  for (let i = from; i < to; i++)
    assert(bytes[i] !== CR && bytes[i] !== LF && bytes[i] !== 0, `a control character at ${i}`);
}

/** What decides about body, connection and route of a request; equal means read the same way. */
function gist(head: MessageHead): string {
  const { method, versionMinor, contentLength, isChunked, isKeepAlive, isContinueExpected } = head;
  const { hostAt, authorizationAt, isAuthorizationRepeated, hasNominated, isUpgrade, fieldCount } = head;
  return [
    ...[method, versionMinor, contentLength, isChunked, isKeepAlive, isContinueExpected],
    ...[hostAt, authorizationAt, isAuthorizationRepeated, hasNominated, isUpgrade, fieldCount],
  ].join();
}

/** Written again from its parts, without optional white space, an accepted head is read as the same. */
export function checkWrittenAgain(parse: HeadParser, head: MessageHead, bytes: Buffer): void {
  let to = bytes.copy(written, 0, head.methodFrom, head.fieldsFrom);
  for (let i = 0; i < head.fieldCount; i++) {
    const [nameFrom, nameTo, valueFrom, valueTo] = head.fields.subarray(
      i * FIELD_STRIDE,
      i * FIELD_STRIDE + 4,
    );
    to += bytes.copy(written, to, nameFrom, nameTo);
    written[to++] = 0x3a;
    to += bytes.copy(written, to, valueFrom, valueTo);
    written[to++] = CR;
    written[to++] = LF;
  }
  written[to++] = CR;
  written[to++] = LF;
  const result = parse(again, written, 0, to);
  assert(result === to, `written again: ${result} of ${to}`);
  assert(gist(again) === gist(head), `written again: ${gist(again)}, first ${gist(head)}`);
}

const added = {
  requestId: Buffer.from("id"),
  requestIdLength: 2,
  clientAddress: Buffer.from("127.0.0.1"),
  forwardedLines: forwardedLines(Buffer.from("127.0.0.1")),
  serviceName: "s",
  isUpgrade: false,
  isEncrypted: false,
};
const HOP = new Set<number>([
  FIELD.CONNECTION,
  FIELD.KEEP_ALIVE,
  FIELD.TE,
  FIELD.UPGRADE,
  FIELD.PROXY_CONNECTION,
]);
for (const field of [FIELD.EXPECT, FIELD.AUTHORIZATION]) HOP.add(field);

/** As it leaves for an instance, a request has the same method and framing, one Host, and nothing of this hop. */
export function checkRewritten(head: MessageHead, bytes: Buffer): void {
  const to = writeRequest(written, head, bytes, head.pathFrom, added);
  // A head at the limit may leave a little larger than we would take it; instances of ours take more.
  if (to > HEAD_BYTES_MAX || (head.pathFrom < head.targetTo && bytes[head.pathFrom] !== 0x2f)) return;
  const result = parseRequestHead(again, written, 0, to);
  assert(result === to, `rewritten: ${result} of ${to}`);
  const isSame = again.method === head.method && again.contentLength === head.contentLength;
  assert(isSame && again.isChunked === head.isChunked && again.versionMinor === 1, "rewritten: the framing");
  assert(again.hostAt !== -1 && !again.hasNominated, "rewritten: Host, and no Connection");
  for (let i = 0; i < again.fieldCount; i++)
    assert(!HOP.has(again.fields[i * FIELD_STRIDE + 4]!), `rewritten: field ${i} is of one hop`);
}

/** Who waits for the end of a head must find one where the parser does. */
export function checkEndFound(bytes: Buffer, result: number): void {
  const end = findHeadEnd(bytes, 0, result);
  assert(end !== -1 && end <= result, `the end at ${result} is not found: ${end}`);
}
