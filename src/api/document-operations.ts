import Type from "typebox";
import { answer, flag, oneOf, query, text, whole } from "./fields.ts";
import type { OperationSchema } from "./operation.ts";

const opt = Type.Optional;

/** Beside `NotEffective`, which has the paths alone. */
export const notEffectiveFields = {
  NotEffectiveFields: opt(
    Type.Array(
      Type.Object({ Path: text("JSON path, as it is spelled in the document"), Reason: text("why") }),
      { description: "extension: fields of the document that do nothing here, each with the reason" },
    ),
  ),
};

/** What an update would do. */
export const planObject = Type.Object(
  {
    Change: oneOf(["nothing", "scale", "in-place", "new-version"], "the largest thing that it takes"),
    Version: whole("version in force afterwards"),
    Differences: Type.Array(
      Type.Object({
        Path: text("JSON path of the field"),
        From: Type.Union([Type.Null(), Type.String()], { description: "JSON text; null: not there" }),
        To: Type.Union([Type.Null(), Type.String()], { description: "JSON text; null: not there" }),
      }),
      { description: "fields that differ; secrets as ***" },
    ),
    Steps: Type.Array(Type.String(), { description: "what would happen to instances" }),
  },
  { description: "extension: what would be changed, and how" },
);

/** Our own: what is said of a service.json before anything is made of it. */
export const DOCUMENT_OPERATIONS = {
  ValidateService: {
    summary:
      "What create or update would say to a service.json, and what would become of each field; nothing is changed",
    tag: "Services",
    query: query({
      ServiceName: opt(text("the service that it is to change; without it, it is for a service of its own")),
      UpdateType: opt(oneOf(["merge", "replace"], "with ServiceName; merge unless told")),
    }),
    role: "viewer",
    refusals: ["SERVICE_NOT_FOUND", "SERVICE_DELETING"],
    example: {
      metadata: { name: "hello", instance: 1 },
      processor_type: "python",
      processor_path: "/code/hello",
      processor_entry: "app.py",
    },
    body: "service-json",
    response: answer({
      Valid: flag("it would be accepted"),
      Problems: Type.Array(
        Type.Object({
          Path: text("JSON path, as it is spelled in the document"),
          Found: text("what stands there; never a secret"),
          Allowed: text("what may stand there"),
        }),
        { description: "all that is wrong in it, at most 100" },
      ),
      Refusal: Type.Union(
        [
          Type.Null(),
          Type.Object({ Code: text("as create or update would answer"), Message: text("the same") }),
        ],
        { description: "null: it would be accepted" },
      ),
      Exists: flag("a service of its name is there, so that only an update could take it"),
      Runtime: Type.Union([Type.Null(), Type.Enum(["ready-made", "python", "native", "java", "server"])], {
        description: "what the service would be run as; null: it would be refused",
      }),
      Fields: Type.Array(
        Type.Object({
          Path: text("JSON path, as it is spelled in the document"),
          Standing: oneOf(["effective", "not-effective"], "what becomes of it"),
          Reason: Type.Union([Type.Null(), Type.String()], { description: "why it is not effective" }),
        }),
        { description: "what becomes of each field that is given; empty when it would be refused" },
      ),
      Defaults: Type.Array(Type.Object({ Path: text("canonical JSON path"), Value: text("JSON text") }), {
        description: "what stands in the place of fields that are not given",
      }),
      Plan: opt(planObject),
    }),
  },
  DescribeServiceSchema: {
    summary: "The JSON Schema (2020-12) of a service.json, for editors; asks for no key",
    tag: "Services",
    query: query({}),
    body: null,
    response: Type.Record(Type.String(), Type.Unknown(), { description: "JSON Schema 2020-12" }),
    isOpen: true,
  },
} as const satisfies Record<string, OperationSchema>;
