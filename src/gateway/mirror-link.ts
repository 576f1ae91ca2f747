import { HEAD_BYTES_MAX } from "../http1/limits.ts";
import { BODY_MORE, MessageBody } from "../http1/message-body.ts";
import { MessageHead, NEED_MORE } from "../http1/message-head.ts";
import { parseResponseHead } from "../http1/response-head.ts";
import type { AnswerCapture } from "./answer-capture.ts";
import { Held } from "./held.ts";
import type { MirrorCopy } from "./mirror-copy.ts";
import type { MirrorInstance } from "./mirror-instance.ts";
import type { MirrorTarget } from "./mirror-target.ts";
import { Wire } from "./wire.ts";
import type { WireOwner } from "./wire-owner.ts";

/** Used up before the next byte is looked at, so one object serves all connections. */
const head = new MessageHead();

const IDLE = 0;
const HEAD = 1;
const BODY = 2;
const OVER = 3;

/**
 * One connection to an instance for copies only, one at a time. Idle, then in an answer's head, then in its body, then idle again;
 * or over, at the first thing that is wrong. Nothing is sent twice.
 */
export class MirrorLink implements WireOwner {
  readonly instance: MirrorInstance;
  readonly wire: Wire = new Wire(this);
  isConnected = false;
  /** The instance lives, but its queue of new connections was full (EAGAIN, connect(2)). */
  isCrowded = false;
  /** When the copy was sent, and when anything last moved; monotonic ms, to within a sweep. */
  sentMs = 0;
  movedMs = 0;
  readonly #target: MirrorTarget;
  readonly #body = new MessageBody();
  readonly #held = new Held();
  #state = IDLE;
  #isHead = false;
  #isKeepAlive = false;
  /** The copy whose bytes the kernel does not have yet. */
  #unsent: MirrorCopy | null = null;
  #copy: MirrorCopy | null = null;
  #capture: AnswerCapture | null = null;

  constructor(instance: MirrorInstance, target: MirrorTarget) {
    this.instance = instance;
    this.#target = target;
    this.wire.connect(instance.instance.address);
  }

  /** Sends a copy. False when the connection turned out to be dead: then nothing of it was taken. */
  send(copy: MirrorCopy, nowMs: number): boolean {
    this.sentMs = this.movedMs = nowMs;
    this.#isHead = copy.isHead;
    const isTaken = this.wire.write(copy.buffer, 0, copy.length, null);
    if (this.wire.isBroken) {
      this.close();
      return false;
    }
    this.#state = HEAD;
    this.#copy = copy;
    if (isTaken) copy.release(false);
    else this.#unsent = copy;
    return true;
  }

  close(): void {
    this.#state = OVER;
    this.#held.drop();
    this.#unsent?.release(true);
    this.#unsent = null;
    this.wire.destroy();
  }

  connected(): void {
    this.isConnected = true;
    this.instance.isSuspect = false;
  }

  flushed(): void {
    this.movedMs = this.#target.nowMs;
    this.#unsent?.release(false);
    this.#unsent = null;
  }

  ended(): void {
    if (this.#state === BODY && this.#body.isUntilClose) this.#finish(false);
    else this.fail();
  }

  gone(error: Error | null): void {
    this.isCrowded = !this.isConnected && (error as NodeJS.ErrnoException | null)?.code === "EAGAIN";
    this.fail();
  }

  /** Gives up: the copy, if there is one, is not answered. */
  fail(): void {
    if (this.#state === OVER) return;
    const copy = this.#copy;
    const isIdle = this.#state === IDLE;
    this.close();
    this.#copy = null;
    this.#capture?.release();
    this.#capture = null;
    if (isIdle) this.instance.forget(this);
    else this.#target.failed(this, copy!);
  }

  bytes(buf: Buffer, to: number): void {
    this.movedMs = this.#target.nowMs;
    if (this.#state === HEAD) this.#headBytes(buf, to);
    else if (this.#state === BODY) this.#advance(buf, 0, to);
    else this.fail();
  }

  #headBytes(buf: Buffer, to: number): void {
    if (this.#held.isEmpty) {
      const left = this.#heads(buf, to);
      if (left !== -1) this.#held.add(buf, left, to);
      return;
    }
    if (this.#held.length > HEAD_BYTES_MAX) {
      this.fail();
      return;
    }
    this.#held.add(buf, 0, to);
    const { buffer, length } = this.#held;
    const left = this.#heads(buffer, length);
    if (left === -1) this.#held.drop();
    else this.#held.keepFrom(left);
  }

  /** Reads interim heads, and the final one. Returns where an unfinished head starts; -1 when there is none. */
  #heads(buf: Buffer, to: number): number {
    let at = 0;
    while (at < to) {
      const bodyFrom = parseResponseHead(head, buf, at, to);
      if (bodyFrom === NEED_MORE) return at;
      if (bodyFrom < 0 || head.status === 101) {
        this.fail();
        return -1;
      }
      at = bodyFrom;
      if (head.status < 200) continue;
      this.#isKeepAlive = head.isKeepAlive;
      this.#state = BODY;
      const { pair } = this.#copy!;
      this.#capture = pair === null ? null : pair.newCapture();
      if (this.#capture !== null) this.#capture.status = head.status;
      this.#body.sink = this.#capture;
      this.#body.startResponse(head, this.#isHead);
      this.#advance(buf, at, to);
      return -1;
    }
    return -1;
  }

  #advance(buf: Buffer, from: number, to: number): void {
    if (this.#body.isDone) {
      this.#finish(from === to);
      return;
    }
    const end = this.#body.advance(buf, from, to);
    if (end >= 0) this.#finish(end === to);
    else if (end !== BODY_MORE) this.fail();
  }

  /** The answer is complete. `isClean`: nothing came behind it. */
  #finish(isClean: boolean): void {
    const copy = this.#copy!;
    const capture = this.#capture;
    this.#copy = this.#capture = null;
    this.#body.sink = null;
    const isKept = isClean && this.#isKeepAlive && this.#unsent === null && this.instance.mayKeep();
    this.#held.drop();
    if (isKept) {
      this.#state = IDLE;
      this.instance.idle.push(this);
    } else this.close();
    this.#target.answered(this, copy, capture);
  }
}
