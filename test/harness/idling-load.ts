import { Agent, request } from "node:http";
import type { LoadTarget } from "./load.ts";

/**
 * Clients that each keep one connection and send POST requests over it, with pauses of every length up to `idleMsMax` between them: the
 * shape that shows a server that closes a kept connection just when its client speaks. Nothing is sent twice.
 */
export class IdlingLoad {
  /** How often each outcome came: `200`, another status with its reason, or a socket's error code. */
  readonly counts: Record<string, number> = {};
  readonly #target: LoadTarget;
  readonly #idleMsMax: number;
  readonly #clients: Promise<void>[] = [];
  readonly #clientCount: number;
  readonly #random: () => number;
  readonly #stop = new AbortController();

  constructor(target: LoadTarget, clientCount: number, idleMsMax: number, random: () => number) {
    this.#target = target;
    this.#clientCount = clientCount;
    this.#idleMsMax = idleMsMax;
    this.#random = random;
  }

  start(): void {
    for (let i = 0; i < this.#clientCount; i++) this.#clients.push(this.#run());
  }

  get answerCount(): number {
    return Object.values(this.counts).reduce((a, b) => a + b, 0);
  }

  /** Outcomes that are not 200. */
  get failures(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.counts).filter(([outcome]) => outcome !== "200"));
  }

  /** Stops sending, and waits for the last answers. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#clients);
  }

  async #run(): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!this.#stop.signal.aborted) {
      const outcome = await this.#post(agent);
      this.counts[outcome] = (this.counts[outcome] ?? 0) + 1;
      await this.#pause(this.#random() * this.#idleMsMax);
    }
    agent.destroy();
  }

  #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = () => {
      clearTimeout(timer);
      this.#stop.signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    this.#stop.signal.addEventListener("abort", end);
    if (this.#stop.signal.aborted) end();
    return promise;
  }

  #post(agent: Agent): Promise<string> {
    const { url, token, body } = this.#target;
    const { promise, resolve } = Promise.withResolvers<string>();
    const headers = { authorization: token, "content-length": Buffer.byteLength(body) };
    const req = request(url, { method: "POST", agent, headers }, (res) => {
      const reason = String(res.headers["x-sluice-reason"] ?? "");
      res.on("error", (error: NodeJS.ErrnoException) => resolve(`0 ${error.code ?? error.message}`));
      res.on("end", () => resolve(res.statusCode === 200 ? "200" : `${res.statusCode} ${reason}`));
      res.resume();
    });
    req.on("error", (error: NodeJS.ErrnoException) => {
      resolve(`0 ${error.code ?? error.message}${req.reusedSocket ? ", on a kept connection" : ""}`);
    });
    req.end(body);
    return promise;
  }
}
