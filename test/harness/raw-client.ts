import type { Socket } from "node:net";
import { ContentCollector } from "../../src/http1/content-collector.ts";
import { BODY_MORE, MessageBody } from "../../src/http1/message-body.ts";
import { FIELD_STRIDE, MessageHead, NEED_MORE } from "../../src/http1/message-head.ts";
import { parseResponseHead } from "../../src/http1/response-head.ts";
import { until } from "./gateway-rig.ts";
import { dialGateway } from "./over-tls.ts";

/** Longest wait for an answer. */
const PATIENCE_MS = 30_000;

/** One answer as it came over the wire. */
export interface Answer {
  readonly status: number;
  /** By lower-case name; several of one name are joined by `, `. */
  readonly fields: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** It was framed by chunks. */
  readonly isChunked: boolean;
}

/** A client that writes bytes as told, so that a test decides every cut, and reads answers strictly. */
export class RawClient {
  readonly socket: Socket;
  readonly answers: Answer[] = [];
  /** The other side closed, or reset. */
  isClosed = false;
  /** Set for a request whose answer has no body. */
  isHead = false;
  #bytes: Buffer = Buffer.alloc(0);
  #isBad = false;
  #wake: () => void = () => {};

  /** `socket`: its connection, when it is not to be an ordinary one. */
  constructor(port: number, socket: Socket = dialGateway({ port })) {
    this.socket = socket;
    this.socket.on("data", (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#read(false);
      this.#wake();
    });
    this.socket.on("end", () => {
      this.#read(true);
      this.#wake();
    });
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  /** Bytes that are no whole answer yet. */
  get rest(): Buffer {
    return this.#bytes;
  }

  send(text: string | Buffer): void {
    this.socket.write(typeof text === "string" ? Buffer.from(text, "latin1") : text);
  }

  /** The answer with this index, once it is here. */
  async answer(index: number): Promise<Answer> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    while (this.answers.length <= index && !this.#isBad && !this.isClosed && performance.now() < giveUpAt) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, PATIENCE_MS);
      await promise;
      clearTimeout(timer);
    }
    const answer = this.answers[index];
    if (answer === undefined)
      throw new Error(`no answer ${index}; got ${JSON.stringify(this.#bytes.toString("latin1"))}`);
    return answer;
  }

  /** Sends a whole request and waits for its answer. */
  async ask(text: string | Buffer): Promise<Answer> {
    const index = this.answers.length;
    this.send(text);
    return this.answer(index);
  }

  async closed(): Promise<void> {
    await until(() => this.isClosed, "the connection to be closed");
  }

  close(): void {
    this.socket.destroy();
  }

  #read(isEnd: boolean): void {
    const head = new MessageHead();
    for (;;) {
      const from = parseResponseHead(head, this.#bytes, 0, this.#bytes.length);
      if (from === NEED_MORE) return;
      if (from < 0) {
        this.#isBad = true;
        return;
      }
      const collector = new ContentCollector(1 << 30, head.contentLength);
      const body = new MessageBody();
      body.sink = collector;
      body.startResponse(head, this.isHead);
      let end = body.advance(this.#bytes, from, this.#bytes.length);
      if (end === BODY_MORE && isEnd && body.isUntilClose) end = this.#bytes.length;
      if (end < 0) return;
      const fields: Record<string, string> = {};
      for (let i = 0; i < head.fieldCount; i++) {
        const [a, b, c, d] = head.fields.subarray(i * FIELD_STRIDE, i * FIELD_STRIDE + 4);
        const name = this.#bytes.toString("latin1", a, b).toLowerCase();
        const value = this.#bytes.toString("latin1", c, d);
        fields[name] = fields[name] === undefined ? value : `${fields[name]}, ${value}`;
      }
      const { status, isChunked } = head;
      this.answers.push({ status, fields, body: Buffer.from(collector.take()), isChunked });
      this.#bytes = Buffer.from(this.#bytes.subarray(end));
    }
  }
}
