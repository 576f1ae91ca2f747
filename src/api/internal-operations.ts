import Type from "typebox";
import { answer, flag, query, text, whole } from "./fields.ts";
import { MIRROR_COUNTS } from "./mirror-operations.ts";
import type { OperationSchema } from "./operation.ts";

const none = query({});
const textOrNull = (description: string) => Type.Union([Type.Null(), Type.String()], { description });
const wholeOrNull = (description: string) => Type.Union([Type.Null(), Type.Integer()], { description });

const percentile = (name: string) => wholeOrNull(`${name} % of the answers took at most so many µs`);
/** What is counted of a service and of each of its instances. */
const TRAFFIC_COUNTS = {
  Requests: Type.Integer({ description: "that came to their end" }),
  Statuses: Type.Record(Type.String(), Type.Integer(), {
    description: "by exact HTTP status; 499: the client left first",
  }),
  BytesIn: Type.Integer({ description: "from clients" }),
  BytesOut: Type.Integer({ description: "to clients" }),
  Retries: Type.Integer({ description: "second tries" }),
  Ejections: whole("times that an instance could not be reached and was set aside"),
  InFlight: whole("requests in work at the end of the second"),
  MeanUs: wholeOrNull("mean latency in µs"),
  P5Us: percentile("5"),
  P50Us: percentile("50"),
  P80Us: percentile("80"),
  P90Us: percentile("90"),
  P95Us: percentile("95"),
  P99Us: percentile("99"),
  P100Us: percentile("100"),
  Latency: Type.Array(Type.Tuple([Type.Integer(), Type.Integer()]), {
    description: "pairs of bucket index and count of a log-linear histogram in µs; counts of several add up",
  }),
  Queued: whole("requests that waited in the queue of an instance's engine"),
  QueueMeanUs: wholeOrNull("their mean wait in µs"),
  QueueMaxUs: whole("the longest wait in µs"),
};

/** Our own: what the control process does, and what the gateways see. */
export const INTERNAL_OPERATIONS = {
  ListLoops: {
    summary: "Every loop of the control process: what it did last, why, and when it runs next",
    tag: "Internal",
    isInstallationWide: true,
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
          NextDueInMs: wholeOrNull("ms until it runs again, if nothing wakes it; null while it runs"),
        }),
      ),
    }),
  },
  DescribeTraffic: {
    summary: "Traffic of the last seconds, all gateways together, oldest first",
    tag: "Internal",
    query: query({
      Seconds: Type.Optional(whole("how many; 60 unless told", 1, 300)),
      ServiceName: Type.Optional(Type.String({ description: "only this service" })),
      Instances: Type.Optional(flag("what each instance did, too")),
    }),
    body: null,
    response: answer({
      Traffic: Type.Array(
        Type.Object({
          AtMs: whole("end of the second, ms since 1970"),
          Samples: Type.Array(
            Type.Object({
              ServiceName: Type.String(),
              ...TRAFFIC_COUNTS,
              GroupName: textOrNull("the group that it is a member of"),
              GroupedRequests: whole("requests that came in through the group's address"),
              Limits: Type.Record(Type.String(), Type.Integer(), {
                description: "by limit of the service: requests that met it; `.evaluated` were let through",
              }),
              Instances: Type.Optional(
                Type.Array(Type.Object({ InstanceName: Type.String(), ...TRAFFIC_COUNTS })),
              ),
            }),
          ),
          Mirrors: Type.Array(Type.Object({ ServiceName: Type.String(), ...MIRROR_COUNTS }), {
            description: "what became of copies in that second, by service and target; they are in no sample",
          }),
        }),
      ),
    }),
  },
  ListGatewayWorkers: {
    summary: "Every gateway worker process and the route table that it serves by",
    tag: "Internal",
    isInstallationWide: true,
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
          Tls: Type.Union(
            [
              Type.Null(),
              Type.Object({
                Port: wholeOrNull("where it speaks TLS; null: nowhere yet, or no longer"),
                Subject: textOrNull("of the certificate in force"),
                Names: Type.Array(Type.String(), { description: "hosts and addresses that it is for" }),
                NotBefore: textOrNull("RFC 3339, UTC"),
                NotAfter: textOrNull("RFC 3339, UTC"),
                Fingerprint: textOrNull("of its SHA-256"),
                Problem: textOrNull(
                  "why the files as they are now cannot be used; the certificate in force stays so",
                ),
                Warnings: Type.Array(Type.String(), { description: "dates and permissions to see to" }),
              }),
            ],
            { description: "null: it was given no certificate" },
          ),
        }),
      ),
    }),
  },
  RestartGatewayWorkers: {
    summary:
      "Replaces every gateway worker by a new process, one after the other, make before break; returns when that is noted",
    tag: "Internal",
    role: "admin",
    isInstallationWide: true,
    query: none,
    body: null,
    response: answer({}),
  },
  ListCachedFiles: {
    summary: "What the model cache holds, the newest used first, and which versions refer to it",
    tag: "Internal",
    isInstallationWide: true,
    query: none,
    body: null,
    response: answer({
      BytesMax: whole("bytes that may be kept"),
      Contents: Type.Array(
        Type.Object({
          ContentId: Type.String({ description: "SHA-256 of the content" }),
          Bytes: whole("of the unpacked files"),
          LastUsedTime: Type.String({ description: "when it was last asked for; RFC 3339, UTC" }),
          Sources: Type.Array(Type.String(), {
            description: "where it came from, without names, passwords and queries; of git with the commit",
          }),
          Referrers: Type.Array(
            Type.Object({ ServiceName: Type.String(), Version: whole("in force, or kept to go back to") }),
          ),
        }),
      ),
    }),
  },
  DeleteCachedFile: {
    summary: "Removes one content from the model cache, unless a version or an instance uses it",
    tag: "Internal",
    isInstallationWide: true,
    query: none,
    body: null,
    refusals: ["CONTENT_IN_USE"],
    response: answer({}),
  },
  CheckHealth: {
    summary: "Is the control process alive; asks for no key, and says nothing of its work",
    tag: "Internal",
    query: none,
    body: null,
    response: answer({ Status: text("ok") }),
    isOpen: true,
  },
  CheckReadiness: {
    summary:
      "Can the control process do its work now: its store takes writes, its loops are in time, its gateways have the newest route table; asks for no key",
    tag: "Internal",
    query: none,
    body: null,
    response: answer({
      Checks: Type.Array(
        Type.Object({
          Name: text("store, loops or gateways"),
          IsOk: flag("true in this answer; a refusal has them too"),
          Reason: text("how it is"),
        }),
      ),
    }),
    refusals: ["NOT_READY"],
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
