/** A field of protobuf: a message, a text, or a number. */
function field(number: number, value: Buffer | string | number): Buffer {
  if (typeof value === "number") return Buffer.concat([Buffer.from([(number & 15) << 3]), varint(value)]);
  const bytes = Buffer.from(value as string);
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

export function varint(value: number): Buffer {
  const out: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...out, rest]);
    out.push((rest % 128) | 0x80);
  }
}

const FLOAT = 1;
const INT64 = 7;
const BOOL = 9;

/** A ValueInfoProto; a dimension by its name or length. */
function value(name: string, type: number, ...dims: (string | number)[]): Buffer {
  const shape = dims.map((dim) => field(1, typeof dim === "string" ? field(2, dim) : field(1, dim)));
  return Buffer.concat([field(1, name), field(2, field(1, tensor(type, Buffer.concat(shape))))]);
}
const tensor = (type: number, shape: Buffer) => Buffer.concat([field(1, type), field(2, shape)]);

function node(operator: string, inputs: string[], outputs: string[], ...attributes: Buffer[]): Buffer {
  const named = [...inputs.map((name) => field(1, name)), ...outputs.map((name) => field(2, name))];
  return field(1, Buffer.concat([...named, field(4, operator), ...attributes.map((a) => field(5, a))]));
}

function graph(nodes: Buffer[], inputs: Buffer[], outputs: Buffer[]): Buffer {
  const values = [...inputs.map((v) => field(11, v)), ...outputs.map((v) => field(12, v))];
  return Buffer.concat([...nodes, field(2, "g"), ...values]);
}

/**
 * An ONNX model whose answer `y` is its input `x`, of any length, after the sine was taken of it `trips` times: 0 gives it back as it is, and
 * any time of computing can be asked for. By the numbers of onnx.proto.
 */
export function loopModel(): Buffer {
  const body = graph(
    [node("Identity", ["go"], ["goes"]), node("Sin", ["v"], ["w"])],
    [value("i", INT64), value("go", BOOL), value("v", FLOAT, "n")],
    [value("goes", BOOL), value("w", FLOAT, "n")],
  );
  // AttributeProto.type has number 20, which takes two bytes.
  const attribute = Buffer.concat([field(1, "body"), field(6, body), varint(20 << 3), varint(5)]);
  const whole = graph(
    [node("Loop", ["trips", "", "x"], ["y"], attribute)],
    [value("trips", INT64, 1), value("x", FLOAT, "n")],
    [value("y", FLOAT, "n")],
  );
  return Buffer.concat([field(1, 8), field(7, whole), field(8, Buffer.concat([field(1, ""), field(2, 17)]))]);
}
