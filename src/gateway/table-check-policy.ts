import { isAffinityName } from "../core/traffic/affinity.ts";

/** What is wrong with the `policy` of a service in a route table, and where in it; null when it is good. */
export function policyProblem(value: unknown): string | null {
  if (value === undefined) return null;
  if (!isFields(value)) return "must be an object";
  for (const name of ["rate", "concurrency"]) {
    const ceiling = value[name];
    if (ceiling === null) continue;
    if (!isFields(ceiling)) return `${name} must be an object or null`;
    if (!isWhole(ceiling.limit)) return `${name}.limit must be a whole number from 1`;
    if (typeof ceiling.isEvaluated !== "boolean") return `${name}.isEvaluated must be true or false`;
  }
  const { request } = value;
  if (!isFields(request)) return "request must be an object";
  for (const name of ["bodyBytesMax", "headBytesMax", "idleMs", "totalMs"]) {
    if (request[name] !== null && !isWhole(request[name]))
      return `request.${name} must be a whole number from 1, or null`;
  }
  const { balancing = null } = value;
  if (balancing === null) return null;
  if (!isFields(balancing)) return "balancing must be an object or null";
  if (balancing.kind === "random-two") return null;
  const problem = balancing.kind === "hash" ? affinityProblem(balancing.by) : "must be random-two or hash";
  return problem === null ? null : `balancing ${problem}`;
}

/** What is wrong with what clients are known by; null when it is good. */
export function affinityProblem(value: unknown): string | null {
  if (!isFields(value)) return "must be by a header or a cookie";
  const { kind, name } = value;
  if (kind !== "header" && kind !== "cookie") return "must be by a header or a cookie";
  return typeof name === "string" && isAffinityName(name) ? null : "names no header or cookie";
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isWhole = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 1;
