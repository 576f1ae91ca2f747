import { type Balancing, type Ceiling, type GatewayPolicy, isNoPolicy } from "../traffic/policy.ts";
import type { Refuse } from "./build.ts";
import type { Steps } from "./json-path.ts";
import type { ServiceDocument } from "./schema.ts";

type Given = NonNullable<NonNullable<ServiceDocument["networking"]>["gateway_policy"]>;

const POLICY: Steps = ["networking", "gateway_policy"];

/** `networking.gateway_policy` (eas-reference §1.6); null when nothing of it is in force. */
export function buildPolicy(given: Given | undefined, refuse: Refuse): GatewayPolicy | null {
  if (given === undefined) return null;
  const { request_limit: request } = given;
  const policy: GatewayPolicy = {
    rate: ceiling("rate_limit", given.rate_limit, refuse),
    concurrency: ceiling("concurrency_limit", given.concurrency_limit, refuse),
    request: {
      bodyBytesMax: request?.body_bytes ?? null,
      headBytesMax: request?.header_bytes ?? null,
      idleMs: request?.idle_timeout ?? null,
      totalMs: request?.total_timeout ?? null,
    },
    balancing: balancing(given.load_balancing, refuse),
  };
  return isNoPolicy(policy) ? null : policy;
}

function ceiling(
  name: "rate_limit" | "concurrency_limit",
  given: Given["rate_limit"],
  refuse: Refuse,
): Ceiling | null {
  if (given?.enable !== true) return null;
  if (given.limit === undefined) {
    return refuse([...POLICY, name, "limit"], "nothing", "a whole number from 1: the limit that is enabled");
  }
  return { limit: given.limit, isEvaluated: given.evaluate ?? false };
}

function balancing(given: Given["load_balancing"], refuse: Refuse): Balancing | null {
  const { policy = "least_busy", hash_header: header, hash_cookie: cookie } = given ?? {};
  if (policy === "least_busy") return null;
  if (policy === "random_two") return { kind: "random-two" };
  const steps = [...POLICY, "load_balancing"];
  if (header !== undefined && cookie !== undefined)
    return refuse([...steps, "hash_cookie"], "a header and a cookie", "one of hash_header and hash_cookie");
  if (header !== undefined) return { kind: "hash", by: { kind: "header", name: header.toLowerCase() } };
  if (cookie !== undefined) return { kind: "hash", by: { kind: "cookie", name: cookie } };
  return refuse([...steps, "policy"], '"hash"', '"hash" only with hash_header or hash_cookie');
}
