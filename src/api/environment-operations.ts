import Type from "typebox";
import { ALLOWED, answer, query, whole } from "./fields.ts";
import type { OperationSchema } from "./operation.ts";

const none = query({});
const id = Type.String({ description: "SHA-256 of the requirements, the Python and the platform" });

/** Python environments of this machine. */
export const ENVIRONMENT_OPERATIONS = {
  ListEnvironments: {
    summary:
      "Python environments that are there, the newest used first, and those that were ordered and are not there",
    tag: "Internal",
    isInstallationWide: true,
    query: none,
    body: null,
    response: answer({
      BytesMax: whole("bytes over which those that nobody uses go, the longest unused first"),
      Environments: Type.Array(
        Type.Object({
          EnvironmentId: id,
          Folder: Type.String({ description: "its own folder: `bin/python` is its Python" }),
          Python: Type.String({ description: "version of its Python" }),
          BasePython: Type.String({
            description: "the Python that it is made of and has packages of the system from; may be empty",
          }),
          Requirements: Type.Array(Type.String(), {
            description: "in normal form, without names and passwords of URLs",
          }),
          Packages: Type.Array(Type.String(), {
            description: "what is there of the packages that they name, each with its version",
          }),
          Notes: Type.Array(Type.String(), {
            description: "what whoever uses it should know: a package that cannot be imported, say",
          }),
          Bytes: whole("of its own files; what the system has is not counted"),
          LastUsedTime: Type.String({ description: "when it was last asked for; RFC 3339, UTC" }),
          Referrers: Type.Array(
            Type.Object({ ServiceName: Type.String(), Version: whole("in force, or kept to go back to") }),
          ),
        }),
      ),
      Builds: Type.Array(
        Type.Object({
          EnvironmentId: id,
          Progress: Type.Array(Type.String(), { description: "for people, newest last" }),
          Failure: Type.Union([Type.Null(), Type.String()], {
            description: "why it failed; null: it is under way",
          }),
        }),
        { description: "ordered by BuildEnvironment; those of services are told by their services" },
      ),
    }),
  },
  BuildEnvironment: {
    summary: "Begins to make a Python environment when it is not there; returns at once",
    tag: "Internal",
    isInstallationWide: true,
    query: none,
    body: Type.Object(
      {
        Requirements: Type.Optional(
          Type.Array(Type.String(), { description: "lines of a requirements file", maxItems: 2000 }),
        ),
        Document: Type.Optional(
          Type.Unknown({ description: "in their place: the service.json of a service that asks for it" }),
        ),
      },
      {
        additionalProperties: false,
        minProperties: 1,
        maxProperties: 1,
        [ALLOWED]: "either Requirements or Document",
      },
    ),
    example: { Requirements: ["numpy==2.4.6"] },
    response: answer({ EnvironmentId: id }),
    refusals: ["INVALID_SPEC"],
  },
  DeleteEnvironment: {
    summary: "Removes a Python environment, unless a version or an instance uses it; ends its making",
    tag: "Internal",
    isInstallationWide: true,
    query: none,
    body: null,
    refusals: ["ENVIRONMENT_IN_USE"],
    response: answer({}),
  },
} as const satisfies Record<string, OperationSchema>;
