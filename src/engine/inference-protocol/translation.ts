/**
 * gRPC calls of the Open Inference Protocol as requests of its REST form with binary tensors, and answers back: workers know one form only.
 */
import { GRPC } from "../../core/grpc.ts";
import { BadTensor, binaryOf } from "./contents.ts";
import {
  type InferRequest,
  readInferRequest,
  readModelName,
  type TensorFacts,
  writeFlag,
  writeInferResponse,
  writeModelMetadata,
  writeServerMetadata,
} from "./messages.ts";
import { BrokenMessage } from "./wire.ts";

const SERVICE = "/inference.GRPCInferenceService/";
/** So that the head of a request to a worker stays below its 64 KiB. */
const NAME_CHARS_MAX = 4096;
const LENGTH_FIELD = "inference-header-content-length";

/** A request as a worker gets it: `head` is its line and fields, the body the parts one after the other. */
export interface WorkerRequest {
  readonly head: string;
  readonly body: readonly Buffer[];
}

/** How a call ended that has no message. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
}

interface Method {
  request(message: Buffer, bytesMax: number): WorkerRequest;
  /** Of the worker's answer with status 200. */
  answer(json: Facts, rest: Buffer): Buffer;
}

/** What a worker answered, as JSON says it; workers are ours. */
// biome-ignore lint/suspicious/noExplicitAny: its form is that of the method
type Facts = any;

const get = (path: string): WorkerRequest => ({ head: `GET ${path}\n`, body: [] });

const METHODS: Readonly<Record<string, Method>> = {
  ServerLive: {
    request: () => get("/v2/health/live"),
    answer: ({ live }: Facts) => writeFlag(live === true),
  },
  ServerReady: {
    request: () => get("/v2/health/ready"),
    answer: ({ ready }: Facts) => writeFlag(ready === true),
  },
  ModelReady: {
    request: (message) => get(`${modelPath(readModelName(message))}/ready`),
    answer: ({ ready }: Facts) => writeFlag(ready === true),
  },
  ServerMetadata: { request: () => get("/v2"), answer: (facts: Facts) => writeServerMetadata(facts) },
  ModelMetadata: {
    request: (message) => get(modelPath(readModelName(message))),
    answer: (facts: Facts) => writeModelMetadata(facts),
  },
  ModelInfer: {
    request: (message, bytesMax) => inferRequest(readInferRequest(message), bytesMax),
    answer: inferAnswer,
  },
};

/** The method that a path calls, as named in the protocol; null for one that is not offered. */
export function methodOf(path: string): string | null {
  if (!path.startsWith(SERVICE)) return null;
  const name = path.slice(SERVICE.length);
  return Object.hasOwn(METHODS, name) ? name : null;
}

/** What a worker is asked for a call; `bytesMax`: what a tensor may have at most. */
export function requestOf(method: string, message: Buffer, bytesMax: number): WorkerRequest | Refusal {
  try {
    return METHODS[method]!.request(message, bytesMax);
  } catch (error) {
    if (error instanceof BadTensor) return { status: GRPC.INVALID_ARGUMENT, text: error.message };
    if (!(error instanceof BrokenMessage)) throw error;
    return {
      status: GRPC.INVALID_ARGUMENT,
      text: `the message of ${method} cannot be read: ${error.message}`,
    };
  }
}

/** The message, or the status, for what a worker answered; `head` is its `name: value` lines. */
export function answerOf(method: string, status: number, head: string, body: Buffer): Buffer | Refusal {
  if (status !== 200) return { status: statusOf(status), text: errorText(body) };
  const length = fieldIn(head, LENGTH_FIELD);
  const jsonBytes = length === null ? body.length : Number(length);
  try {
    return METHODS[method]!.answer(JSON.parse(body.toString("utf8", 0, jsonBytes)), body.subarray(jsonBytes));
  } catch (error) {
    // A worker of ours that does not speak the protocol is a fault, and not the client's.
    return { status: GRPC.INTERNAL, text: `the worker's answer cannot be read: ${(error as Error).message}` };
  }
}

/** gRPC status for an HTTP status, of a worker or the engine itself. */
export function statusOf(httpStatus: number): number {
  switch (httpStatus) {
    case 400:
      return GRPC.INVALID_ARGUMENT;
    case 401:
      return GRPC.UNAUTHENTICATED;
    case 404:
      return GRPC.NOT_FOUND;
    case 405:
    case 415:
      return GRPC.UNIMPLEMENTED;
    case 408:
    case 504:
      return GRPC.DEADLINE_EXCEEDED;
    case 413:
    case 429:
    case 431:
    case 450:
      return GRPC.RESOURCE_EXHAUSTED;
    case 503:
      return GRPC.UNAVAILABLE;
  }
  return httpStatus < 500 ? GRPC.INVALID_ARGUMENT : GRPC.INTERNAL;
}

/** The sentence of `{"error": …}`, or a plain text as it is. */
function errorText(body: Buffer): string {
  const text = body.toString("utf8");
  try {
    const { error } = JSON.parse(text) as { readonly error?: unknown };
    return typeof error === "string" ? error : text;
  } catch {
    return text;
  }
}

function fieldIn(head: string, name: string): string | null {
  for (const line of head.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon === name.length && line.slice(0, colon).toLowerCase() === name) return line.slice(colon + 2);
  }
  return null;
}

function modelPath({ name, version }: { readonly name: string; readonly version: string }): string {
  if (name.length + version.length > NAME_CHARS_MAX) {
    throw new BadTensor(`the name of the model has ${name.length} characters; allowed: ${NAME_CHARS_MAX}`);
  }
  const of = version === "" ? "" : `/versions/${encodeURIComponent(version)}`;
  return `/v2/models/${encodeURIComponent(name)}${of}`;
}

function inferRequest(request: InferRequest, bytesMax: number): WorkerRequest {
  const { inputs, raw } = request;
  const tensors = inputs.map((input) => ({ input, where: `input ${JSON.stringify(input.name)}` }));
  if (raw.length > 0) {
    const typed = tensors.find(({ input }) => input.contents !== null);
    if (typed !== undefined)
      throw new BadTensor(`${typed.where} has contents beside raw_input_contents; allowed: one of them`);
    if (raw.length !== inputs.length)
      throw new BadTensor(`raw_input_contents has ${raw.length} tensors; inputs has ${inputs.length}`);
  }
  const binary = tensors.map(
    ({ input, where }, i) => raw[i] ?? binaryOf(where, input.datatype, input.contents ?? NOTHING, bytesMax),
  );
  const json = {
    ...(request.id === "" ? {} : { id: request.id }),
    parameters: { ...request.parameters, binary_data_output: true },
    inputs: tensors.map(({ input, where }, i) => ({
      name: input.name,
      datatype: input.datatype,
      shape: shapeOf(where, input.shape),
      parameters: { ...input.parameters, binary_data_size: binary[i]!.length },
    })),
    outputs: request.outputs.map(({ name, parameters }) => ({
      name,
      parameters: { ...parameters, binary_data: true },
    })),
  };
  const text = Buffer.from(JSON.stringify(json), "utf8");
  const path = modelPath({ name: request.modelName, version: request.modelVersion });
  return {
    head: `POST ${path}/infer\ncontent-type: application/octet-stream\n${LENGTH_FIELD}: ${text.length}\n`,
    body: [text, ...binary],
  };
}

const NOTHING = Buffer.alloc(0);

/** Beyond that JSON would have another number than the message. */
function shapeOf(where: string, shape: readonly number[]): readonly number[] {
  const wrong = shape.find((length) => !Number.isSafeInteger(length));
  if (wrong !== undefined)
    throw new BadTensor(`${where} has the length ${wrong} in its shape; allowed: 0 to 2147483647`);
  return shape;
}

function inferAnswer(facts: Facts, rest: Buffer): Buffer {
  let at = 0;
  const raw = (facts.outputs as readonly (TensorFacts & Facts)[]).map((output) => {
    const size: unknown = output.parameters?.binary_data_size;
    if (typeof size !== "number") throw new Error(`output ${output.name} is not binary`);
    at += size;
    return rest.subarray(at - size, at);
  });
  return writeInferResponse(facts, raw);
}
