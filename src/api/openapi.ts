import type { TObject } from "typebox";
import { NOT_IMPLEMENTED } from "./not-implemented.ts";
import { OBJECTS } from "./objects.ts";
import { OPERATION_LIST } from "./operations.ts";

type Node = { readonly [key: string]: unknown };

/**
 * The OpenAPI 3.1 document of the contract. TypeBox schemas are JSON Schema, which 3.1 takes as it is; the shared
 * objects become components, and every place that uses one refers to it.
 */
export function openApiDocument(about: { readonly version: string; readonly address: string }): Node {
  const components = new Map<unknown, string>(
    Object.entries(OBJECTS).map(([name, schema]) => [schema, name]),
  );
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of OPERATION_LIST) {
    const methods = paths[operation.path] ?? {};
    paths[operation.path] = methods;
    methods[operation.method.toLowerCase()] = {
      operationId: operation.name,
      summary: operation.summary,
      tags: [operation.tag],
      ...(operation.isOpen ? { security: [] } : {}),
      parameters: [...pathParameters(operation.path), ...queryParameters(operation.query)],
      ...requestBody(operation.body, components),
      responses: {
        200: operation.answersLines
          ? { description: "lines of JSON", content: { "text/plain": { schema: { type: "string" } } } }
          : answerOf("accepted or found", withRefs(operation.response, components)),
        default: answerOf("refused", { $ref: "#/components/schemas/Error" }),
      },
    };
  }
  for (const [name, { method, path, instead }] of Object.entries(NOT_IMPLEMENTED)) {
    paths[path] = { ...paths[path], [method.toLowerCase()]: refused(name, path, instead) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Sluice control API", version: about.version, license: { name: "Apache-2.0" } },
    servers: [{ url: about.address }],
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer" } },
      schemas: Object.fromEntries(Object.entries(OBJECTS).map(([name, schema]) => [name, plain(schema)])),
    },
  };
}

/** An operation that is there to be refused: whoever asks is told what to use meanwhile. */
const refused = (name: string, path: string, instead: string) => ({
  operationId: name,
  summary: `Not implemented: ${instead}`,
  tags: ["Not implemented"],
  parameters: pathParameters(path),
  responses: {
    501: answerOf("not implemented", { $ref: "#/components/schemas/Error" }),
    default: answerOf("refused", { $ref: "#/components/schemas/Error" }),
  },
});

const answerOf = (description: string, schema: unknown) => ({
  description,
  content: { "application/json": { schema } },
});

function pathParameters(path: string): Node[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters(query: TObject): Node[] {
  const required = (query.required ?? []) as readonly string[];
  return Object.entries(query.properties as unknown as Record<string, Node>).map(([name, schema]) => ({
    name,
    in: "query",
    required: required.includes(name),
    description: schema.description,
    // Maps are sent as one JSON text (eas-reference §8.0).
    ...(schema.type === "object"
      ? { content: { "application/json": { schema: plain(schema) } } }
      : { schema: plain(schema), ...(schema.type === "array" ? { style: "form", explode: false } : {}) }),
  }));
}

function requestBody(body: unknown, components: ReadonlyMap<unknown, string>): Node {
  if (body === null) return {};
  if (body === "lines")
    return { requestBody: { required: true, content: { "text/plain": { schema: { type: "string" } } } } };
  const schema =
    body === "service-json"
      ? { type: "object", description: "a service.json, checked by its own rules" }
      : withRefs(body, components);
  return { requestBody: { required: true, content: { "application/json": { schema } } } };
}

/** A copy in plain JSON, with `$ref` in the place of every shared object. */
function withRefs(node: unknown, components: ReadonlyMap<unknown, string>): unknown {
  const name = components.get(node);
  if (name) return { $ref: `#/components/schemas/${name}` };
  if (Array.isArray(node)) return node.map((item) => withRefs(item, components));
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, withRefs(value, components)]));
}

const plain = (schema: unknown) => withRefs(schema, new Map());
