import { Agent, request } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";

/** What one request came to. */
export interface Outcome {
  readonly startedAtMs: number;
  readonly latencyMs: number;
  /** 0: no answer. */
  readonly status: number;
  /** `X-Sluice-Reason`, or the socket's error code. */
  readonly reason: string;
  /** `X-Sluice-Service`. */
  readonly member: string;
  readonly body: string;
  /** The connection had served a request before. */
  readonly isReused: boolean;
}

export interface LoadTarget {
  /** `https:` goes over TLS. */
  readonly url: string;
  readonly token: string;
  readonly body: string;
  /** Certificates that the client trusts, PEM. */
  readonly ca?: readonly string[];
}

/** A constant rate of requests, without retries, until stopped; on keep-alive connections, or each on a new one. */
export class ConstantLoad {
  readonly outcomes: Outcome[] = [];
  private readonly agent: Agent;
  private readonly target: LoadTarget;
  private readonly ratePerSecond: number;
  private timer: NodeJS.Timeout | null = null;
  private startedAt = 0;
  private sent = 0;
  private pending = 0;

  constructor(target: LoadTarget, ratePerSecond: number, connections: "kept" | "new" = "kept") {
    const options = { keepAlive: connections === "kept", maxSockets: 64 };
    const ca = [...(target.ca ?? [])];
    this.agent = target.url.startsWith("https:") ? new TlsAgent({ ...options, ca }) : new Agent(options);
    this.target = target;
    this.ratePerSecond = ratePerSecond;
  }

  start(): void {
    this.startedAt = performance.now();
    // Every 5 ms what is due by the clock: late timers are made up for, so the rate holds.
    this.timer = setInterval(() => {
      const due = Math.floor(((performance.now() - this.startedAt) / 1000) * this.ratePerSecond);
      while (this.sent < due) {
        this.sent++;
        this.send();
      }
    }, 5);
  }

  /** Stops sending and waits for the last answer. */
  async stop(): Promise<readonly Outcome[]> {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    await new Promise<void>((done) => {
      const look = () => (this.pending === 0 ? done() : setTimeout(look, 5));
      look();
    });
    this.agent.destroy();
    return this.outcomes;
  }

  private send(): void {
    const startedAtMs = performance.now();
    this.pending++;
    const finish = (status: number, reason: string, member: string, body: string, isReused: boolean) => {
      this.pending--;
      this.outcomes.push({
        startedAtMs,
        latencyMs: performance.now() - startedAtMs,
        status,
        reason,
        member,
        body,
        isReused,
      });
    };
    const req = (this.target.url.startsWith("https:") ? tlsRequest : request)(
      this.target.url,
      {
        method: "POST",
        agent: this.agent,
        headers: { authorization: this.target.token, "content-length": Buffer.byteLength(this.target.body) },
      },
      (res) => {
        let body = "";
        res.setEncoding("utf8");
        res.on("data", (chunk: string) => (body += chunk));
        res.on("error", (error: NodeJS.ErrnoException) =>
          finish(0, error.code ?? error.message, "", body, req.reusedSocket),
        );
        res.on("end", () =>
          finish(
            res.statusCode ?? 0,
            String(res.headers["x-sluice-reason"] ?? ""),
            String(res.headers["x-sluice-service"] ?? ""),
            body,
            req.reusedSocket,
          ),
        );
      },
    );
    req.on("error", (error: NodeJS.ErrnoException) =>
      finish(0, error.code ?? error.message, "", "", req.reusedSocket),
    );
    req.end(this.target.body);
  }
}

/** Outcomes that are not 200, counted by what they were. */
export function failures(outcomes: readonly Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const o of outcomes) {
    if (o.status === 200) continue;
    const key = `${o.status} ${o.reason}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}
