import Type from "typebox";
import { answer, flag, query, text, whole } from "./fields.ts";
import type { OperationSchema } from "./operation.ts";

const none = query({});
const textOrNull = (description: string) => Type.Union([Type.Null(), Type.String()], { description });
const wholeOrNull = (description: string) => Type.Union([Type.Null(), Type.Integer()], { description });

/** Our own: what the control process does, and what the gateways see. */
export const INTERNAL_OPERATIONS = {
  ListLoops: {
    summary: "Every loop of the control process: what it did last, why, and when it runs next",
    tag: "Internal",
    query: none,
    body: null,
    response: answer({
      Loops: Type.Array(
        Type.Object({
          Name: Type.String(),
          Purpose: Type.String(),
          LastCause: textOrNull("why it ran last"),
          LastResult: textOrNull("what came of it"),
          LastRunTime: textOrNull("RFC 3339, UTC"),
          NextDueInMs: wholeOrNull("ms until it runs again, if nothing wakes it"),
        }),
      ),
    }),
  },
  DescribeTraffic: {
    summary: "Traffic of the last seconds, all gateways together, oldest first",
    tag: "Internal",
    query: query({ Seconds: Type.Optional(whole("how many; 60 unless told", 1, 300)) }),
    body: null,
    response: answer({
      Traffic: Type.Array(
        Type.Object({
          AtMs: whole("end of the second, ms since 1970"),
          Samples: Type.Array(
            Type.Object({
              ServiceName: Type.String(),
              Requests: Type.Integer(),
              Statuses: Type.Record(Type.String(), Type.Integer(), { description: "by exact HTTP status" }),
              BytesIn: Type.Integer(),
              BytesOut: Type.Integer(),
              Retries: Type.Integer(),
              Limits: Type.Record(Type.String(), Type.Integer(), {
                description: "by limit of the service: requests that met it; `.evaluated` were let through",
              }),
              P50Us: wholeOrNull("half of the answers took at most so many µs"),
              P99Us: wholeOrNull("99 % of the answers took at most so many µs"),
              Latency: Type.Array(Type.Tuple([Type.Integer(), Type.Integer()]), {
                description: "pairs of bucket index and count of a log-linear histogram in µs",
              }),
            }),
          ),
        }),
      ),
    }),
  },
  ListGatewayWorkers: {
    summary: "Every gateway worker process and the route table that it serves by",
    tag: "Internal",
    query: none,
    body: null,
    response: answer({
      Gateways: Type.Array(
        Type.Object({
          GatewayId: Type.String(),
          Pid: wholeOrNull("its process"),
          IsListening: flag("takes requests"),
          TableNumber: whole("route table in force"),
          Connections: whole("open connections of clients"),
          Limits: Type.Record(Type.String(), Type.Integer(), {
            description: "by limit of the worker: connections and requests that met it since it started",
          }),
          RefusedTableNumber: wholeOrNull(
            "the newest route table that it did not take; it serves on by the one in force",
          ),
          Refusal: textOrNull("why it did not take that table"),
        }),
      ),
    }),
  },
  RestartGatewayWorkers: {
    summary:
      "Replaces every gateway worker by a new process, one after the other, make before break; returns when that is noted",
    tag: "Internal",
    query: none,
    body: null,
    response: answer({}),
  },
  CheckHealth: {
    summary: "Is the control process there; asks for no key",
    tag: "Internal",
    query: none,
    body: null,
    response: answer({ Status: text("ok") }),
    isOpen: true,
  },
  DescribeOpenApi: {
    summary: "The OpenAPI 3.1 document of this API; asks for no key",
    tag: "Internal",
    query: none,
    body: null,
    response: Type.Record(Type.String(), Type.Unknown(), { description: "OpenAPI 3.1" }),
    isOpen: true,
  },
} as const satisfies Record<string, OperationSchema>;
