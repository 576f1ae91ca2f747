/**
 * Messages of inference.GRPCInferenceService (kserve/open-inference-protocol, open_inference_grpc.proto), as far as they are read and
 * written here. Field numbers are those of that file.
 */
import { MessageReader, MessageWriter, WIRE } from "./wire.ts";

export type Parameters = Record<string, boolean | number | string>;

/** One input of a ModelInferRequest. */
export interface InferInput {
  name: string;
  datatype: string;
  shape: number[];
  parameters: Parameters;
  /** InferTensorContents as it came; null: there is none. */
  contents: Buffer | null;
}

export interface InferRequest {
  modelName: string;
  modelVersion: string;
  id: string;
  parameters: Parameters;
  inputs: InferInput[];
  outputs: { name: string; parameters: Parameters }[];
  raw: Buffer[];
}

/** Name and version in the requests about a model, ModelReadyRequest and ModelMetadataRequest. */
export function readModelName(message: Buffer): { readonly name: string; readonly version: string } {
  const found = { name: "", version: "" };
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.is(1, WIRE.LENGTH)) found.name = reader.text();
    else if (reader.is(2, WIRE.LENGTH)) found.version = reader.text();
    else reader.skip();
  }
  return found;
}

/** @throws BrokenMessage */
export function readInferRequest(message: Buffer): InferRequest {
  const found: InferRequest = {
    modelName: "",
    modelVersion: "",
    id: "",
    parameters: {},
    inputs: [],
    outputs: [],
    raw: [],
  };
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.is(1, WIRE.LENGTH)) found.modelName = reader.text();
    else if (reader.is(2, WIRE.LENGTH)) found.modelVersion = reader.text();
    else if (reader.is(3, WIRE.LENGTH)) found.id = reader.text();
    else if (reader.is(4, WIRE.LENGTH)) readParameter(reader.bytes(), found.parameters);
    else if (reader.is(5, WIRE.LENGTH)) found.inputs.push(readInput(reader.bytes()));
    else if (reader.is(6, WIRE.LENGTH)) found.outputs.push(readOutput(reader.bytes()));
    else if (reader.is(7, WIRE.LENGTH)) found.raw.push(reader.bytes());
    else reader.skip();
  }
  return found;
}

function readInput(message: Buffer): InferInput {
  const found: InferInput = { name: "", datatype: "", shape: [], parameters: {}, contents: null };
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.is(1, WIRE.LENGTH)) found.name = reader.text();
    else if (reader.is(2, WIRE.LENGTH)) found.datatype = reader.text();
    else if (reader.field === 3) readShape(reader, found.shape);
    else if (reader.is(4, WIRE.LENGTH)) readParameter(reader.bytes(), found.parameters);
    else if (reader.is(5, WIRE.LENGTH)) found.contents = reader.bytes();
    else reader.skip();
  }
  return found;
}

/** Packed, or one by one: both are allowed for every field of numbers. */
function readShape(reader: MessageReader, shape: number[]): void {
  if (reader.type !== WIRE.LENGTH) {
    reader.is(3, WIRE.VARINT);
    shape.push(reader.signed());
    return;
  }
  for (const packed = new MessageReader(reader.bytes()); !packed.isDone; ) shape.push(packed.signed());
}

function readOutput(message: Buffer): { name: string; parameters: Parameters } {
  const found: { name: string; parameters: Parameters } = { name: "", parameters: {} };
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.is(1, WIRE.LENGTH)) found.name = reader.text();
    else if (reader.is(2, WIRE.LENGTH)) readParameter(reader.bytes(), found.parameters);
    else reader.skip();
  }
  return found;
}

/** One entry of a map of InferParameter. */
function readParameter(entry: Buffer, into: Parameters): void {
  let name = "";
  let value: boolean | number | string = "";
  for (const reader = new MessageReader(entry); reader.next(); ) {
    if (reader.is(1, WIRE.LENGTH)) name = reader.text();
    else if (reader.is(2, WIRE.LENGTH)) value = readParameterValue(reader.bytes());
    else reader.skip();
  }
  Object.defineProperty(into, name, { value, enumerable: true, configurable: true, writable: true });
}

function readParameterValue(message: Buffer): boolean | number | string {
  let value: boolean | number | string = "";
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.is(1, WIRE.VARINT)) value = reader.varint() !== 0;
    else if (reader.is(2, WIRE.VARINT)) value = reader.signed();
    else if (reader.is(3, WIRE.LENGTH)) value = reader.text();
    else if (reader.is(4, WIRE.FIXED64)) value = reader.double();
    else if (reader.is(5, WIRE.VARINT)) value = reader.varint();
    else reader.skip();
  }
  return value;
}

/** ServerLiveResponse, ServerReadyResponse and ModelReadyResponse alike. */
export const writeFlag = (value: boolean): Buffer => new MessageWriter().flag(1, value).done();

export interface TensorFacts {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}

export function writeServerMetadata(facts: {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}): Buffer {
  const out = new MessageWriter().text(1, facts.name).text(2, facts.version);
  for (const extension of facts.extensions) out.bytes(3, Buffer.from(extension));
  return out.done();
}

export function writeModelMetadata(facts: {
  readonly name: string;
  readonly versions?: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorFacts[];
  readonly outputs: readonly TensorFacts[];
}): Buffer {
  const out = new MessageWriter().text(1, facts.name);
  for (const version of facts.versions ?? []) out.bytes(2, Buffer.from(version));
  out.text(3, facts.platform);
  for (const tensor of facts.inputs) out.message(4, tensorOf(tensor));
  for (const tensor of facts.outputs) out.message(5, tensorOf(tensor));
  return out.done();
}

/** All of a ModelInferResponse; `raw`: bytes of each output. */
export function writeInferResponse(
  facts: {
    readonly model_name: string;
    readonly model_version?: string;
    readonly id?: string;
    readonly outputs: readonly TensorFacts[];
  },
  raw: readonly Buffer[],
): Buffer {
  const out = new MessageWriter()
    .text(1, facts.model_name)
    .text(2, facts.model_version ?? "")
    .text(3, facts.id ?? "");
  for (const tensor of facts.outputs) out.message(5, tensorOf(tensor));
  for (const bytes of raw) out.bytes(6, bytes);
  return out.done();
}

const tensorOf = ({ name, datatype, shape }: TensorFacts): MessageWriter =>
  new MessageWriter().text(1, name).text(2, datatype).numbers(3, shape);
