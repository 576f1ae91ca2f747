import Type from "typebox";
import {
  ALLOWED,
  answer,
  flag,
  NOT_EFFECTIVE,
  notEffective,
  oneOf,
  query,
  text,
  textList,
  whole,
} from "./fields.ts";
import type { OperationSchema } from "./operation.ts";

const opt = Type.Optional;
const accepted = answer({
  Message: text("what happens now"),
  Generation: whole("extension: the change's generation"),
});

/** One thing to know of a service, or of an instance (eas-reference §8.2, DescribeServiceDiagnosis). */
export const diagnosisObject = Type.Object({
  Kind: text("extension: one word for programs, e.g. InstanceCrashing"),
  Severity: oneOf(
    ["info", "waiting", "trouble"],
    "extension: all is well, goes on by itself, or needs somebody",
  ),
  InstanceName: opt(text("extension: the instance it is about")),
  Error: text("what is so, in one sentence"),
  Causes: textList("why, and what it waits for"),
  Advices: textList("what helps"),
});

/** Single instances, the safety lock and explanations (eas-reference §8.2). */
export const MANUAL_OPERATIONS = {
  UpdateServiceInstance: {
    summary: "Isolate an instance, let it back into traffic, or detach it",
    tag: "Services",
    query: query({ ...notEffective("IsReplica") }),
    body: Type.Object(
      {
        Isolate: opt(flag("true: it runs on and gets no requests; false: it gets them again")),
        Detach: opt(
          Type.Literal(true, {
            description: "it is replaced and runs on without requests until it is deleted; for good",
            [ALLOWED]: "true: an instance is detached for good",
          }),
        ),
        Hibernate: opt(Type.Boolean({ description: "not effective", [NOT_EFFECTIVE]: true })),
      },
      {
        additionalProperties: false,
        anyOf: [{ required: ["Isolate"] }, { required: ["Detach"] }],
        [ALLOWED]: "Isolate, Detach or both",
      },
    ),
    example: { Isolate: true },
    response: accepted,
  },
  UpdateServiceSafetyLock: {
    summary: "Refuse every change of a service, or the dangerous ones, or none",
    tag: "Services",
    query: query({}),
    body: Type.Object(
      {
        Lock: oneOf(
          ["all", "dangerous", "none"],
          "dangerous: delete, stop, scale to 0 and deleting instances are refused",
        ),
      },
      { additionalProperties: false },
    ),
    example: { Lock: "none" },
    response: accepted,
  },
  DescribeServiceDiagnosis: {
    summary: "Explain why a service is in its present state, and what it waits for",
    tag: "Services",
    query: query({}),
    body: null,
    response: answer({
      Summary: text("extension: the state in one sentence"),
      DiagnosisList: Type.Array(diagnosisObject, { description: "the most pressing first; never empty" }),
    }),
  },
  DescribeServiceInstanceDiagnosis: {
    summary: "Explain why an instance is in its present state, and what it waits for",
    tag: "Services",
    query: query({}),
    body: null,
    response: answer({ Diagnosis: diagnosisObject }),
  },
} as const satisfies Record<string, OperationSchema>;
