import assert from "node:assert/strict";
import test from "node:test";
import type { TSchema } from "typebox";
import { Check } from "typebox/schema";
import { ERROR_CODES } from "../core/errors.ts";
import { parseSpec } from "../core/spec/parse.ts";
import { openApiDocument } from "./openapi.ts";
import type { OperationSchema } from "./operation.ts";
import { OPERATION_LIST } from "./operations.ts";
import { refusalsOf } from "./refusals.ts";

// biome-ignore lint/suspicious/noExplicitAny: a document is looked into by its paths
const document = openApiDocument({ version: "1", address: "/", region: "lab" }) as any;
const of = (name: string) => {
  const { path, method } = OPERATION_LIST.find((one) => one.name === name)!;
  return document.paths[path][method.toLowerCase()];
};
/** The codes of a status, as the document lists them. */
const codesOf = (name: string, status: number): string[] =>
  of(name).responses[status].content["application/json"].schema.allOf[1].properties.Code.enum;

test("an operation declares each status with its codes, and nothing stands for what was forgotten", () => {
  assert.deepEqual(Object.keys(of("ScaleService").responses), [
    ...["200", "400", "401", "403", "404", "408", "409", "413", "429", "500", "503", "507"],
  ]);
  assert.deepEqual(codesOf("ScaleService", 404), [
    "REGION_NOT_FOUND",
    "SERVICE_NOT_FOUND",
    "INSTANCE_NOT_FOUND",
  ]);
  assert.deepEqual(codesOf("CheckReadiness", 503), ["STORE_UNAVAILABLE", "NOT_LEADER", "NOT_READY"]);
  assert.equal(of("CheckHealth").responses[401], undefined);
  assert.ok("WWW-Authenticate" in of("ListServices").responses[401].headers);
});

test("parameters say how they are written", () => {
  const parameter = (name: string, of_: string) =>
    of(of_).parameters.find((one: { name: string }) => one.name === name);
  assert.deepEqual(parameter("ClusterId", "DescribeService").schema.enum, ["lab"]);
  assert.ok("application/json" in parameter("Label", "ListServices").content);
  const list = parameter("InstanceList", "DeleteServiceInstances");
  assert.deepEqual([list.style, list.explode, list.schema.type], ["form", false, "array"]);
});

test("every body has an example, and the server takes it", () => {
  for (const operation of OPERATION_LIST as readonly (OperationSchema & { name: string })[]) {
    const { name, body, example } = operation;
    if (body === null || body === "lines") continue;
    assert.ok(example !== undefined, `${name} has no example`);
    if (body !== "service-json") assert.ok(Check(body as TSchema, example), name);
    else if (name === "CreateService") parseSpec(example);
  }
});

test("every code of the catalogue is declared by an operation, but for those of no operation", () => {
  const declared = new Set(OPERATION_LIST.flatMap((operation) => refusalsOf(operation)));
  assert.deepEqual(
    ERROR_CODES.filter((code) => !declared.has(code)),
    ["NOT_FOUND", "METHOD_NOT_ALLOWED", "NOT_IMPLEMENTED"],
  );
});
