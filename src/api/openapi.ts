import type { TObject } from "typebox";
import { type ErrorCode, errorEntry, writtenCode } from "../core/errors.ts";
import { publishedSchema } from "../core/spec/published-schema.ts";
import { COMMA_LIST } from "./fields.ts";
import { NOT_IMPLEMENTED } from "./not-implemented.ts";
import { OBJECTS } from "./objects.ts";
import { OPERATION_LIST } from "./operations.ts";
import { pathParameters } from "./path-parameters.ts";
import { REFUSED_CODES, refusalsOf } from "./refusals.ts";

type Node = { readonly [key: string]: unknown };
type Operation = (typeof OPERATION_LIST)[number];

/** What the document says of one installation. */
export interface About {
  readonly version: string;
  /** What the paths are relative to. */
  readonly address: string;
  /** The only ClusterId there is. */
  readonly region: string;
}

const SIGNATURE =
  "A request signed with an access key, as the SDKs of PAI-EAS do: ACS3-HMAC-SHA256, or the older acs. Such a value is never written by hand.";

/**
 * The OpenAPI 3.1 document of the contract. TypeBox schemas are JSON Schema, which 3.1 takes as it is; the shared
 * objects become components, and every place that uses one refers to it. It declares every status of every operation with
 * the codes it stands for, and nothing else: a status that is not there is a fault of the server.
 */
export function openApiDocument(about: About): Node {
  const components = new Map<unknown, string>(
    Object.entries(OBJECTS).map(([name, schema]) => [schema, name]),
  );
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of OPERATION_LIST) {
    const methods = paths[operation.path] ?? {};
    paths[operation.path] = methods;
    methods[operation.method.toLowerCase()] = operationOf(operation, about, components);
  }
  for (const [name, { method, path, instead }] of Object.entries(NOT_IMPLEMENTED)) {
    paths[path] = { ...paths[path], [method.toLowerCase()]: refused(name, path, instead, about.region) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Sluice control API",
      version: about.version,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: about.address }],
    security: [{ key: [] }, { signature: [] }],
    tags: [...new Set(OPERATION_LIST.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        key: { type: "http", scheme: "bearer", description: "The secret of an access key." },
        signature: { type: "apiKey", in: "header", name: "Authorization", description: SIGNATURE },
      },
      headers: {
        RequestId: { description: "the same as in the body", required: true, schema: { type: "string" } },
        Challenge: { description: "how to show a key", required: true, schema: { type: "string" } },
      },
      schemas: {
        ...Object.fromEntries(Object.entries(OBJECTS).map(([name, schema]) => [name, plain(schema)])),
        ServiceJson: serviceJson(),
      },
    },
  };
}

function operationOf(operation: Operation, about: About, components: ReadonlyMap<unknown, string>): Node {
  return {
    operationId: operation.name,
    summary: operation.summary,
    tags: [operation.tag],
    ...(operation.isOpen ? { security: [] } : {}),
    parameters: [...pathParameters(operation.path, about.region), ...queryParameters(operation.query)],
    ...requestBody(operation, components),
    responses: { 200: answerOf(operation, components), ...refusalsByStatus(refusalsOf(operation)) },
  };
}

/** An operation that is there to be refused: whoever asks is told what to use meanwhile. */
const refused = (name: string, path: string, instead: string, region: string) => ({
  operationId: name,
  summary: `Not implemented: ${instead}`,
  tags: ["Not implemented"],
  parameters: pathParameters(path, region),
  responses: refusalsByStatus(REFUSED_CODES),
});

const REQUEST_ID = { "X-Request-Id": { $ref: "#/components/headers/RequestId" } };
const CHALLENGE = { "WWW-Authenticate": { $ref: "#/components/headers/Challenge" } };

function answerOf(operation: Operation, components: ReadonlyMap<unknown, string>): Node {
  return {
    description: "accepted or found",
    headers: REQUEST_ID,
    content: {
      ...(operation.answersLines
        ? {}
        : { "application/json": { schema: withRefs(operation.response, components) } }),
      ...(operation.canStream || operation.answersLines ? LINES : {}),
    },
  };
}

const LINES = { "text/plain": { schema: { type: "string" } } };

/** One answer for each status, which names the codes that come with it. */
function refusalsByStatus(refusals: readonly ErrorCode[]): Node {
  const byStatus = Map.groupBy(refusals, (code) => errorEntry(code).status);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: `refused: ${codes.map(writtenCode).join(", ")}`,
        headers: status === 401 ? { ...REQUEST_ID, ...CHALLENGE } : REQUEST_ID,
        content: {
          "application/json": {
            schema: {
              allOf: [
                { $ref: "#/components/schemas/Error" },
                { properties: { Code: { enum: codes.map(writtenCode) } } },
              ],
            },
          },
        },
      },
    ]),
  );
}

function queryParameters(query: TObject): Node[] {
  const required = (query.required ?? []) as readonly string[];
  return Object.entries(query.properties as unknown as Record<string, Node>).map(([name, schema]) => ({
    name,
    in: "query",
    required: required.includes(name),
    description: schema.description,
    ...encoded(schema),
  }));
}

/** How a value is written into a query: maps as one JSON text, lists with commas (eas-reference §8.0). */
function encoded(schema: Node): Node {
  if (schema.type === "object") return { content: { "application/json": { schema: plain(schema) } } };
  if (schema.type === "array") return { style: "form", explode: false, schema: plain(schema) };
  if (schema[COMMA_LIST] !== true) return { schema: plain(schema) };
  const items = { type: "string", pattern: "^[^,]*[^,\\s][^,]*$" };
  return { style: "form", explode: false, schema: { type: "array", minItems: 1, items } };
}

function requestBody(operation: Operation, components: ReadonlyMap<unknown, string>): Node {
  const { body, example } = operation;
  if (body === null) return {};
  if (body === "lines") return { requestBody: { required: true, content: LINES } };
  const schema =
    body === "service-json" ? { $ref: "#/components/schemas/ServiceJson" } : withRefs(body, components);
  return {
    requestBody: {
      required: true,
      content: { "application/json": { schema, ...(example === undefined ? {} : { example }) } },
    },
  };
}

/** A copy in plain JSON, with `$ref` in the place of every shared object. */
function withRefs(node: unknown, components: ReadonlyMap<unknown, string>): unknown {
  const name = components.get(node);
  if (name) return { $ref: `#/components/schemas/${name}` };
  if (Array.isArray(node)) return node.map((item) => withRefs(item, components));
  if (typeof node !== "object" || node === null) return node;
  const known = Object.entries(tupleAsOf2020(node)).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known.map(([key, value]) => [key, withRefs(value, components)]));
}

/** TypeBox writes a tuple as JSON Schema before 2020-12 did; in OpenAPI 3.1 `items` is one schema (JSON Schema 2020-12 §10.3.1). */
function tupleAsOf2020(node: object): object {
  const { items, additionalItems, ...rest } = node as { items?: unknown; additionalItems?: unknown };
  if (!Array.isArray(items)) return node;
  // Told as a list of one kind where it can be: more tools understand that.
  const isUniform =
    additionalItems === false && items.every((one) => JSON.stringify(one) === JSON.stringify(items[0]));
  if (isUniform) return { ...rest, items: items[0], minItems: items.length, maxItems: items.length };
  return { ...rest, prefixItems: items, items: additionalItems ?? true };
}

const plain = (schema: unknown) => withRefs(schema, new Map());

/** The published schema of service.json as a component: its inner references lead there, and it is no document of its own. */
function serviceJson(): Node {
  const { $schema: _, $id: __, ...schema } = publishedSchema();
  const text = JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/ServiceJson/$defs/');
  return JSON.parse(text) as Node;
}
