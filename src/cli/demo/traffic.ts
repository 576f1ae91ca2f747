import { Agent, request } from "node:http";
import { type HeldOutRow, judge } from "./held-out.ts";
import { type Answer, record, type Tally } from "./tally.ts";

/** Longest wait for one answer. */
const ANSWER_MS_MAX = 30_000;

/** Where a run of traffic goes and what it is checked against. */
export interface Target {
  /** Full address, e.g. `http://127.0.0.1:8080/api/predict/pmml`. */
  readonly url: string;
  readonly token: string;
  /** Who is taken to have answered when the answer has no `X-Sluice-Service`. */
  readonly fallbackMember: string;
  /** Model that each member serves: a key of {@link HeldOutRow.expected}. */
  readonly models: Readonly<Record<string, string>>;
  readonly rows: readonly HeldOutRow[];
}

/**
 * Keep-alive connections, one socket each, so that a connection stays with one gateway worker. The caller closes them.
 */
export interface Connections {
  readonly agents: readonly Agent[];
  close(): void;
}

/** Opens nothing yet: each connection is made by its first request. */
export function connections(count: number): Connections {
  const agents = Array.from({ length: count }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  const close = () => {
    for (const agent of agents) agent.destroy();
  };
  return { agents, close };
}

/**
 * Sends `count` rows, one at a time on each connection, and records every answer. A request that fails is recorded as
 * a wrong answer of nobody. Stops early, and rejects with the signal's reason, when the signal fires.
 */
export async function sendRows(
  target: Target,
  count: number,
  open: Connections,
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  let next = 0;
  const client = async (agent: Agent) => {
    while (next < count) {
      signal.throwIfAborted();
      const row = target.rows[next++ % target.rows.length]!;
      record(tally, await ask(target, row, agent, signal));
    }
  };
  await Promise.all(open.agents.map(client));
}

function ask(target: Target, row: HeldOutRow, agent: Agent, signal: AbortSignal): Promise<Answer> {
  const startMs = performance.now();
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      if (signal.aborted) return reject(signal.reason);
      const latencyMs = performance.now() - startMs;
      resolve({ member: "(no answer)", latencyMs, difference: 0, complaint: error.message });
    };
    const headers = { authorization: target.token, "content-type": "application/json" };
    const outgoing = request(target.url, { method: "POST", headers, agent, signal }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", fail);
      incoming.on("end", () => {
        const latencyMs = performance.now() - startMs;
        const member = String(incoming.headers["x-sluice-service"] ?? target.fallbackMember);
        const body = Buffer.concat(chunks).toString();
        const expected = row.expected[target.models[member] ?? ""];
        if (expected === undefined) {
          const complaint = `${member} answered, which the demo did not create`;
          return resolve({ member, latencyMs, difference: 0, complaint });
        }
        resolve({ member, latencyMs, ...judge(incoming.statusCode ?? 0, body, expected) });
      });
    });
    outgoing.setTimeout(ANSWER_MS_MAX, () => outgoing.destroy(new Error(`no answer in ${ANSWER_MS_MAX} ms`)));
    outgoing.on("error", fail);
    outgoing.end(row.body);
  });
}
