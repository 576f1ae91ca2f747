import type { ErrorCode } from "../core/errors.ts";
import type { OperationSchema } from "./operation.ts";

/** What is looked at of an operation to tell how it can refuse. */
export interface Refusing extends OperationSchema {
  readonly method: string;
  readonly path: string;
}

/** Codes of every operation: of the connection, of a query that knows no such name, and of our own faults. */
const ALWAYS: readonly ErrorCode[] = [
  "BAD_REQUEST",
  "INVALID_ARGUMENT",
  "REQUEST_TIMEOUT",
  "INTERNAL",
  "STORE_UNAVAILABLE",
  "NOT_LEADER",
];
/** Of one that is there to be refused: nothing but the key is looked at. */
export const REFUSED_CODES: readonly ErrorCode[] = [
  "BAD_REQUEST",
  "UNAUTHORIZED",
  "TOO_MANY_FAILURES",
  "REQUEST_TIMEOUT",
  "INTERNAL",
  "NOT_IMPLEMENTED",
  "NOT_LEADER",
];
/** Of a body, whether it is wanted or not: it is read, so that the connection can go on. */
const OF_BODY: readonly ErrorCode[] = ["INVALID_JSON", "BODY_TOO_LARGE"];
/** Of whatever writes to the store. */
const OF_CHANGE: readonly ErrorCode[] = ["WRITE_CONFLICT", "STORE_FULL"];
/** Of a name in the path. */
const OF_NAME: Readonly<Record<string, readonly ErrorCode[]>> = {
  ClusterId: ["REGION_NOT_FOUND"],
  ServiceName: ["SERVICE_NOT_FOUND"],
  InstanceName: ["INSTANCE_NOT_FOUND"],
  GroupName: ["GROUP_NOT_FOUND"],
  TokenNumber: ["TOKEN_NOT_FOUND", "TOKEN_IN_FORCE"],
  AccessKeyId: ["ACCESS_KEY_NOT_FOUND", "ACCESS_KEY_IN_FILE"],
  ContentId: ["CONTENT_NOT_FOUND"],
  EnvironmentId: ["ENVIRONMENT_NOT_FOUND"],
};

/**
 * Every code that an operation may refuse with, each once: what follows from its shape, and what it says itself. The
 * OpenAPI document declares them by status, and the fuzz of the running server (test/schemathesis.real.test.ts) refuses others.
 */
export function refusalsOf(operation: Refusing): ErrorCode[] {
  const isChange = operation.method !== "GET";
  const names = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  const codes: readonly ErrorCode[] = [
    ...ALWAYS,
    ...(operation.isOpen ? [] : (["UNAUTHORIZED", "TOO_MANY_FAILURES", "FORBIDDEN"] as const)),
    ...(isChange ? [...OF_BODY, ...OF_CHANGE] : []),
    ...(operation.body === "service-json" ? (["INVALID_SPEC"] as const) : []),
    ...names.flatMap((name) => OF_NAME[name] ?? []),
    ...(isChange && names.includes("ServiceName") ? (["SERVICE_DELETING", "SAFETY_LOCKED"] as const) : []),
    ...(operation.refusals ?? []),
  ];
  return [...new Set(codes)];
}
