import { NAME_PATTERN } from "../core/names.ts";

/** What stands in a path, as JSON Schema with an example: the names of the examples of bodies. */
const NAMED: Readonly<Record<string, object>> = {
  ServiceName: { type: "string", pattern: NAME_PATTERN.source, description: "name of a service" },
  GroupName: { type: "string", pattern: NAME_PATTERN.source, description: "name of a group" },
  InstanceName: {
    type: "string",
    // Of {service}-v{version}.{epoch}-{slot}; that many characters get to a handler.
    minLength: 1,
    maxLength: 200,
    description: "name of an instance, as ListServiceInstances tells it",
  },
  TokenNumber: { type: "integer", minimum: 1, maximum: 999_999_999, description: "number of a token" },
  ContentId: { type: "string", pattern: "^[0-9a-f]{64}$", description: "SHA-256 of a content" },
  EnvironmentId: { type: "string", pattern: "^[0-9a-f]{64}$", description: "SHA-256 of an environment" },
};

/** Names that the examples of the contract use. */
export const EXAMPLE_NAMES: Readonly<Record<string, string | number>> = {
  ServiceName: "hello",
  GroupName: "greetings",
  InstanceName: "hello-v1-0",
  TokenNumber: 1,
  ContentId: "0".repeat(64),
  EnvironmentId: "0".repeat(64),
};

/** The parameters of a path as OpenAPI says them; `region` is the only ClusterId of an installation. */
export function pathParameters(path: string, region: string): object[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    ...(name === "ClusterId"
      ? { schema: { enum: [region], type: "string", description: "region of this installation" } }
      : {
          schema: NAMED[name!] ?? { type: "string", minLength: 1 },
          ...(Object.hasOwn(EXAMPLE_NAMES, name!) ? { example: EXAMPLE_NAMES[name!] } : {}),
        }),
  }));
}
