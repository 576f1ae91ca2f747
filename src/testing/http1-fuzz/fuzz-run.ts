import type { MessageBody } from "../../http1/message-body.ts";
import { MessageHead } from "../../http1/message-head.ts";
import { parseRequestHead } from "../../http1/request-head.ts";
import { parseResponseHead } from "../../http1/response-head.ts";
import { checkBody } from "./body-laws.ts";
import { Dice } from "./dice.ts";
import {
  checkCuts,
  checkEndFound,
  checkRange,
  checkRanges,
  checkRewritten,
  checkWrittenAgain,
  type HeadParser,
} from "./head-laws.ts";
import { InputMaker } from "./input-maker.ts";

/** Counts of a run. */
export interface FuzzCounts {
  inputs: number;
  /** Heads that were accepted, and of those, messages that were whole. */
  heads: number;
  messages: number;
  /** Different outcomes met: result, framing, flags and how the body went. */
  outcomes: number;
}

/** A law that did not hold: the input, and what makes it again. */
export class FuzzFailure extends Error {
  override name = "FuzzFailure";

  constructor(kind: string, seed: number, index: number, input: Buffer, cause: unknown) {
    const what = cause instanceof Error ? cause.message : String(cause);
    super(`${kind}, seed ${seed}, input ${index}: ${what}\n${JSON.stringify(input.toString("latin1"))}`, {
      cause,
    });
  }
}

/**
 * One run of the fuzzer: inputs made from `seed`, each checked against every law. It is a property fuzzer that knows the grammar;
 * inputs with an outcome that none had before are kept and changed further. It is not guided by the coverage of code.
 */
export class FuzzRun {
  readonly kind: "request" | "response";
  readonly seed: number;
  readonly counts: FuzzCounts = { inputs: 0, heads: 0, messages: 0, outcomes: 0 };
  readonly #dice: Dice;
  readonly #maker: InputMaker;
  readonly #head = new MessageHead();
  readonly #parse: HeadParser;
  readonly #outcomes = new Set<number>();
  #wasHead = false;
  readonly #start = (body: MessageBody, head: MessageHead) => {
    if (this.kind === "request") body.startRequest(head);
    else body.startResponse(head, this.#wasHead);
  };

  constructor(kind: "request" | "response", seed: number) {
    this.kind = kind;
    this.seed = seed;
    this.#dice = new Dice(seed);
    this.#maker = new InputMaker(this.#dice, kind);
    this.#parse = kind === "request" ? parseRequestHead : parseResponseHead;
  }

  /** The present input; a copy. */
  get input(): Buffer {
    return Buffer.from(this.#maker.bytes.subarray(0, this.#maker.length));
  }

  /** Makes one input and checks it. True when it was a message, whole and accepted. Throws FuzzFailure. */
  step(): boolean {
    const maker = this.#maker;
    maker.make();
    this.counts.inputs++;
    try {
      return this.#check(maker.bytes, maker.length);
    } catch (cause) {
      throw new FuzzFailure(this.kind, this.seed, this.counts.inputs, this.input, cause);
    }
  }

  #check(bytes: Buffer, length: number): boolean {
    const head = this.#head;
    const dice = this.#dice;
    const isRequest = this.kind === "request";
    const result = this.#parse(head, bytes, 0, length);
    checkRange(result, length);
    checkCuts(this.#parse, bytes, length, result, dice);
    let end = 0;
    if (result > 0) {
      this.counts.heads++;
      checkRanges(head, bytes, result, isRequest);
      checkEndFound(bytes, result);
      if (isRequest) {
        checkWrittenAgain(this.#parse, head, bytes);
        checkRewritten(head, bytes);
      }
      this.#wasHead = dice.once(8);
      end = checkBody(this.#start, head, bytes, result, length, dice);
      if (end >= 0) this.counts.messages++;
    }
    this.#note(result, end);
    return result > 0 && end >= 0;
  }

  /** Keeps the input when nothing like it was seen. */
  #note(result: number, end: number): void {
    const head = this.#head;
    let outcome = result < 0 ? -result : result === 0 ? 15 : 16 + Math.min(end, 0);
    if (result > 0) {
      outcome = outcome * 8 + head.method;
      outcome = outcome * 16 + Math.min(head.fieldCount, 15);
      outcome = outcome * 4 + (head.isChunked ? 1 : head.contentLength >= 0 ? 2 : 0);
      for (const flag of [head.isKeepAlive, head.hasNominated, head.isUpgrade, head.isContinueExpected])
        outcome = outcome * 2 + (flag ? 1 : 0);
      outcome = outcome * 3 + (head.hostAt === -1 ? 0 : head.pathFrom === head.targetFrom ? 1 : 2);
    } else {
      // Where a head was refused says how far it got.
      outcome += 32 * Math.min(31, head.fieldCount) + 1024 * Math.min(63, this.#maker.length >> 4);
    }
    const before = this.#outcomes.size;
    this.#outcomes.add(result > 0 ? -outcome : outcome);
    if (this.#outcomes.size === before) return;
    this.counts.outcomes++;
    this.#maker.keep();
  }
}
