/**
 * What a processor in TypeScript or JavaScript exports, for editors and `tsc`. Copy this file beside yours, and
 * `import type { Model, Request } from "./processor.d.ts"`: such an import is gone at run time.
 */

/** What `initialize` is given. */
export interface Model {
  /** Absolute path of `model_path`; null: the service has no model. */
  readonly path: string | null;
  /** Absolute path of `model_entry`, or of the model where there is none; null: the service has no model. */
  readonly entry: string | null;
  /** `model_config` as text; null: there is none. */
  readonly config: string | null;
  /** Shown as the state of the instance while it loads. */
  progress(text: string): void;
}

/** What is known of a request beside its body. */
export interface Request {
  readonly method: string;
  /** With its query, without `/api/predict/<service>`. */
  readonly path: string;
  /** Names in lower case; values of a name that came more than once are joined by `, `. The caller's token is not among them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Until when the answer is waited for, in ms on the clock of `performance.now()`; null: not known. */
  readonly deadline: number | null;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** A body alone: bytes (`application/octet-stream`), text (`text/plain; charset=utf-8`), an object or a list (JSON). */
export type Content = Uint8Array | ArrayBuffer | string | object;

/** A body that goes to the client piece by piece, such as what an `async function*` gives. */
export type Parts = AsyncIterable<Uint8Array | string>;

/** A body with a status (200 to 599) and headers. An object with other keys beside these is a JSON answer. */
export interface FullAnswer {
  readonly status: number;
  readonly body: Content | Parts;
  /** A list: the name comes more than once. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

export type Answer = Content | Parts | FullAnswer;

/** Once, before the first request. */
export type Initialize = (model: Model) => void | Promise<void>;

/** Answers one request. What it throws is answered by 400 with `Name: message`. */
export type Process = (body: Buffer, request: Request) => Answer | Promise<Answer>;

/** Answers several requests, where the service has `metadata.rpc.batching`. An Error in the list refuses that request alone. */
export type ProcessBatch = (
  bodies: Buffer[],
  requests: Request[],
) => readonly (Answer | Error)[] | Promise<readonly (Answer | Error)[]>;

/** The answer to a GET of the service's address, sent as JSON. */
export type Describe = () => object | Promise<object>;
