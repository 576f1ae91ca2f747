import type { Input, ResponseOf } from "./operations.ts";
import { type OperationName, PATHS } from "./paths.ts";

/** Where the control API is, and the key that opens it. */
export interface ClientOptions {
  /** e.g. `http://127.0.0.1:8081` */
  readonly address: string;
  readonly key: string;
}

/** A refusal that the API answered with. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;
  readonly requestId: string;
  /** The body as it came: Code, Message, RequestId and the facts of the code. */
  readonly body: Readonly<Record<string, unknown>>;

  constructor(status: number, body: Readonly<Record<string, unknown>>) {
    super(typeof body.Message === "string" ? body.Message : `HTTP ${status} without a message`);
    this.status = status;
    this.code = typeof body.Code === "string" ? body.Code : `HTTP_${status}`;
    this.requestId = typeof body.RequestId === "string" ? body.RequestId : "";
    this.body = body;
  }
}

/** Nobody answered, or what answered does not speak this API. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
  readonly address: string;

  constructor(address: string, detail: string, options?: ErrorOptions) {
    super(`no answer from ${address}: ${detail}`, options);
    this.address = address;
  }
}

/** One part of a call's input; it may be left out when nothing in it is required. */
type Part<Key extends string, T> = unknown extends T
  ? { readonly [K in Key]: T }
  : undefined extends T
    ? { readonly [K in Key]?: T }
    : Partial<T> extends T
      ? { readonly [K in Key]?: T }
      : { readonly [K in Key]: T };

type Inputs = {
  readonly [N in OperationName]: Part<"path", Input<N>["path"]> &
    Part<"query", Input<N>["query"]> &
    Part<"body", Input<N>["body"]> & { readonly signal?: AbortSignal };
};

/** What a caller gives for one operation. */
export type Given<N extends OperationName> = Inputs[N];

/** Typed calls of the control API. */
export interface ApiClient {
  readonly address: string;
  /** @throws ApiError for a refusal, UnreachableError when there is no answer. */
  call<N extends OperationName>(name: N, input: Given<N>): Promise<ResponseOf<N>>;
  /** Lines of a backup, the last one with the digest of those before. @throws as `call` */
  backup(signal: AbortSignal): AsyncGenerator<string, void, undefined>;
  /** Log lines of a service until the signal; first the newest `lines` that are there. */
  followLogs(where: LogQuery, signal: AbortSignal): AsyncGenerator<string, void, undefined>;
}

export interface LogQuery {
  readonly region: string;
  readonly service: string;
  readonly instance?: string;
  readonly keyword?: string;
  readonly lines: number;
}

export function createClient(options: ClientOptions): ApiClient {
  const address = options.address.replace(/\/+$/, "");
  const headers = { authorization: `Bearer ${options.key}` };

  async function send(name: OperationName, input: Parts): Promise<Response> {
    const response = await sendTo(address, name, input);
    const leader = response.status === 503 ? await leaderIn(response) : null;
    return leader === null ? response : sendTo(leader, name, input);
  }

  async function sendTo(place: string, name: OperationName, input: Parts): Promise<Response> {
    const url = place + urlOf(name, input);
    const init: RequestInit = { method: PATHS[name].method, headers: { ...headers } };
    if (input.signal) init.signal = input.signal;
    if (input.body !== undefined) {
      init.body = typeof input.body === "string" ? input.body : JSON.stringify(input.body);
      init.headers = { ...headers, "content-type": "application/json" };
    }
    try {
      return await fetch(url, init);
    } catch (error) {
      if (input.signal?.aborted) throw error;
      throw new UnreachableError(place, reasonOf(error), { cause: error });
    }
  }

  return {
    address,
    async call(name, input) {
      const response = await send(name, input as Parts);
      const body = await readJson(response, address);
      if (!response.ok) throw new ApiError(response.status, body);
      return body as ResponseOf<typeof name>;
    },
    async *backup(signal) {
      const response = await send("MakeBackup", { signal });
      if (!response.ok) throw new ApiError(response.status, await readJson(response, address));
      yield* linesOf(response.body ?? new ReadableStream());
    },
    async *followLogs(where, signal) {
      const response = await send("DescribeServiceLog", {
        path: { ClusterId: where.region, ServiceName: where.service },
        query: {
          Follow: true,
          PageSize: where.lines,
          InstanceName: where.instance,
          Keyword: where.keyword,
        },
        signal,
      });
      if (!response.ok) throw new ApiError(response.status, await readJson(response, address));
      yield* linesOf(response.body ?? new ReadableStream());
    },
  };
}

interface Parts {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** Path and query of one call; maps go as JSON text, as the SDKs send them (eas-reference §8.0). */
export function urlOf(name: OperationName, input: Parts): string {
  const path = PATHS[name].path.replace(/\{(\w+)\}/g, (_, key: string) =>
    encodeURIComponent(input.path?.[key] ?? ""),
  );
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(input.query ?? {})) {
    if (value === undefined) continue;
    query.set(key, typeof value === "object" ? JSON.stringify(value) : String(value));
  }
  return query.size > 0 ? `${path}?${query}` : path;
}

/** Where a standby says that its leader is; null: this is something else, or nobody leads. */
async function leaderIn(response: Response): Promise<string | null> {
  const body = (await response
    .clone()
    .json()
    .catch(() => null)) as { readonly Code?: unknown; readonly Leader?: unknown } | null;
  return body?.Code === "NOT_LEADER" && typeof body.Leader === "string" ? body.Leader : null;
}

async function readJson(response: Response, address: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await response.text();
  } catch (error) {
    throw new UnreachableError(address, `the answer broke off (${reasonOf(error)})`, { cause: error });
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Falls through: what answered is no control API, whatever else it may be.
  }
  throw new UnreachableError(address, `HTTP ${response.status}, and not in JSON; is this the control API?`);
}

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/** `fetch` hides the reason in the cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof Error) return cause.message || ("code" in cause ? String(cause.code) : cause.name);
  return String(cause);
}
