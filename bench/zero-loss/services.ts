import { join } from "node:path";
import { fixtureSpec } from "../../test/harness/specs.ts";

/** The group that requests go to, and the service of streams beside it. */
export const GROUP = "ledger";
export const STREAMS = "ledger_stream";
/** Members of the group. The first is never stopped: requests come to it by its own address, too. */
export const MEMBERS = ["ledger_a", "ledger_b", "ledger_c"] as const;
export const SERVICES = [...MEMBERS, STREAMS] as const;
export type Service = (typeof SERVICES)[number];
export type Member = (typeof MEMBERS)[number];

/** Instances at the beginning, and the range that they are scaled in. */
export const COUNTS: Readonly<Record<Service, { readonly first: number; readonly most: number }>> = {
  ledger_a: { first: 3, most: 4 },
  ledger_b: { first: 2, most: 3 },
  ledger_c: { first: 1, most: 2 },
  ledger_stream: { first: 2, most: 3 },
};

/**
 * Long queues and long times: what is asked here is whether a request is lost when things change, not what a machine refuses that
 * has too much to do.
 */
const RPC = { max_queue_size: 5_000, keepalive: 30_000 };
const TERMINATION_GRACE_S = 60;

/** The service.json of one at version 1. */
export function specOf(service: Service): { readonly name: string } {
  const instance = COUNTS[service].first;
  const eas = { termination_grace_period: TERMINATION_GRACE_S };
  if (service !== STREAMS)
    return fixtureSpec(
      service,
      "steady",
      { instance, memory: 128, group: GROUP, rpc: RPC, eas },
      changeTo(service, 1),
    );
  return {
    name: service,
    processor_path: import.meta.dirname,
    ...changeTo(service, 1),
    metadata: { instance, cpu: 1, memory: 512, rpc: { keepalive: RPC.keepalive }, eas },
  } as { readonly name: string };
}

/** The part of a service.json that makes it answer with another version. */
export function changeTo(service: Service, version: number): Record<string, unknown> {
  if (service !== STREAMS) return { model_config: `v${version}` };
  const env = [{ name: "VERSION", value: `v${version}` }];
  return { containers: [{ command: ["python3", join(import.meta.dirname, "streams.py")], env }] };
}
