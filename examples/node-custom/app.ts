/** A processor in TypeScript: a small neural network that reads handwritten digits of 8 × 8 pixels. */
import { readFileSync } from "node:fs";
import type { Model, Request } from "../../processors/node/processor.d.ts";

interface Layer {
  /** One list an input. */
  readonly weights: readonly (readonly number[])[];
  readonly biases: readonly number[];
}

interface Answer {
  readonly digit: number;
  readonly probabilities: readonly number[];
}

const PIXELS = 64;
let layers: readonly Layer[] = [];

/** Once, before the first request. */
export function initialize({ entry, progress }: Model): void {
  progress("reading the weights");
  layers = JSON.parse(readFileSync(entry!, "utf8")).layers;
}

/** Each request: a JSON list of images, each a list of 64 numbers from 0 to 16. What is thrown is 400. */
export function process(body: Buffer, _request: Request): Answer[] {
  const images: unknown = JSON.parse(body.toString());
  if (!Array.isArray(images)) throw new TypeError("the body is not a list of images");
  return images.map((image: unknown, i) => {
    if (!isImage(image)) throw new TypeError(`image ${i} is not a list of ${PIXELS} numbers from 0 to 16`);
    const probabilities = softmax(layers.reduce(activations, image));
    return { digit: probabilities.indexOf(Math.max(...probabilities)), probabilities };
  });
}

/** The answer to a GET. */
export function describe(): object {
  return {
    input: `a list of images of ${PIXELS} numbers from 0 to 16`,
    output: "digit and probabilities of each",
  };
}

function isImage(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length === PIXELS && value.every((pixel) => pixel >= 0 && pixel <= 16);
}

/** Of one layer; all but the last are rectified. */
function activations(inputs: readonly number[], { weights, biases }: Layer, at: number): readonly number[] {
  const sums = biases.map((bias, to) =>
    inputs.reduce((sum, input, from) => sum + input * weights[from]![to]!, bias),
  );
  return at === layers.length - 1 ? sums : sums.map((sum) => Math.max(0, sum));
}

function softmax(sums: readonly number[]): number[] {
  const largest = Math.max(...sums);
  const powers = sums.map((sum) => Math.exp(sum - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}
