import { Md5 } from "../base/message-digest.ts";
import { type ContentSink, MessageBody } from "../http1/message-body.ts";
import type { MessageHead } from "../http1/message-head.ts";
import type { Routing } from "./routing.ts";

/**
 * Checks the body of a signed request while it passes: nothing of it is held or delayed. It reads the framing for itself, so that the
 * digest is of the content, however that is cut into chunks.
 */
export class SignedBody implements ContentSink {
  readonly #framing = new MessageBody();
  readonly #md5 = new Md5();
  readonly #expected: string;
  #isOver = false;

  /** For a request that was let in; null when there is nothing to check, which is so for nearly all. */
  static of(head: MessageHead, { bodyMd5, admitted }: Routing): SignedBody | null {
    return bodyMd5 !== null && admitted?.isBodyChecked ? new SignedBody(head, bodyMd5) : null;
  }

  /** For the request of `head`; `expected` is its Content-MD5, in hex. */
  constructor(head: MessageHead, expected: string) {
    this.#expected = expected;
    this.#framing.sink = this;
    this.#framing.startRequest(head);
  }

  /** Takes the next bytes of the body as they came. False when they are the last ones and the body is not the signed one. */
  passes(buf: Buffer, from: number, to: number, isDone: boolean): boolean {
    if (this.#isOver) return true; // bytes behind an upgrade are of no body
    this.#isOver = isDone;
    this.#framing.advance(buf, from, to);
    return !isDone || this.#md5.isHex(this.#expected);
  }

  content(buf: Uint8Array, from: number, to: number): boolean {
    this.#md5.add(buf, from, to);
    return true;
  }
}
