import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { NOT_IMPLEMENTED } from "../api/not-implemented.ts";
import { OPERATION_LIST } from "../api/operations.ts";

/** `text`, `int`, `num`, `bool`, `obj`, a list of one of them as `[]string`, or the name of a shared object. */
type Field = string | readonly Field[] | { readonly [name: string]: Field };

interface EasOperation {
  readonly method: string;
  readonly path: string;
  readonly query?: readonly string[];
  readonly body?: "raw" | readonly string[];
  readonly response?: Field;
}

/** The interface as eas-reference §8.1 and §8.2 have it: all operations, and the details of those that are here. */
const EAS: {
  readonly objects: Readonly<Record<string, Field>>;
  readonly operations: Readonly<Record<string, EasOperation>>;
} = JSON.parse(
  readFileSync(join(import.meta.dirname, "..", "..", "test", "fixtures", "eas-operations.json"), "utf8"),
);

interface Shape {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly patternProperties?: object;
  readonly items?: Shape;
}

const own = new Map<string, (typeof OPERATION_LIST)[number]>(OPERATION_LIST.map((o) => [o.name, o]));

test("every operation of EAS is here or refused, by its method and path", () => {
  assert.equal(Object.keys(EAS.operations).length, 119);
  for (const [name, { method, path }] of Object.entries(EAS.operations)) {
    const known = own.get(name) ?? NOT_IMPLEMENTED[name];
    assert.deepEqual([known?.method, known?.path], [method, path], name);
  }
  for (const name of Object.keys(NOT_IMPLEMENTED)) assert.ok(EAS.operations[name], `${name} is none of EAS`);
});

test("every parameter of EAS, in query and body, is acted on or named as not effective", () => {
  for (const [name, { query = [], body }] of Object.entries(EAS.operations)) {
    const operation = own.get(name);
    if (operation === undefined) continue;
    for (const parameter of query)
      assert.ok(Object.hasOwn(operation.query.properties, parameter), `${name}: ?${parameter}`);
    if (body === "raw") assert.equal(operation.body, "service-json", name);
    for (const field of Array.isArray(body) ? body : [])
      assert.ok(Object.hasOwn((operation.body as Shape).properties ?? {}, field), `${name}: $.${field}`);
  }
});

test("every field of EAS's answers is there, with its type", () => {
  for (const [name, { response }] of Object.entries(EAS.operations)) {
    const operation = own.get(name);
    if (operation === undefined) continue;
    const shape = operation.response as Shape;
    assert.ok(shape.properties?.RequestId, name);
    if (response !== undefined) compare(response, shape, name);
  }
});

/** What an object has that is part of a list, or is told only by the operation that describes it (eas-reference §8.1). */
const OF_THE_ANSWER = new Set(["Service.RequestId"]);

function compare(field: Field, shape: Shape | undefined, at: string): void {
  assert.ok(shape, `${at} is missing`);
  if (typeof field === "object") compareInside(field, shape, at);
  else if (EAS.objects[field] !== undefined) compare(EAS.objects[field], shape, `${at} (${field})`);
  else compareType(field, shape, at);
}

function compareInside(field: Exclude<Field, string>, shape: Shape, at: string): void {
  if (Array.isArray(field)) {
    assert.equal(shape.type, "array", at);
    compare(field[0], shape.items, `${at}[]`);
    return;
  }
  assert.equal(shape.type, "object", at);
  for (const [name, inner] of Object.entries(field as Readonly<Record<string, Field>>)) {
    if (!OF_THE_ANSWER.has(`${at.match(/\((\w+)\)$/)?.[1]}.${name}`))
      compare(inner, shape.properties?.[name], `${at}.${name}`);
  }
}

/** How types are called there, and in JSON Schema. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  text: ["string"],
  string: ["string"],
  int: ["integer"],
  int32: ["integer"],
  num: ["number", "integer"],
  bool: ["boolean"],
  obj: ["object"],
};

function compareType(field: string, shape: Shape, at: string): void {
  const [, list, name] = /^(\[\])?(\w+)$/.exec(field)!;
  if (list) assert.equal(shape.type, "array", at);
  const inner = list ? shape.items : shape;
  const type = inner?.enum ? "string" : inner?.type;
  assert.ok(type !== undefined && TYPES[name!]?.includes(type), `${at} is ${type} and has to be ${field}`);
}
