import { Agent, request as httpRequest } from "node:http";
import { cpuUs } from "../harness/process-cost.ts";

export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
}

/** What one kind of call cost, over all calls of it. */
export interface Cost {
  readonly name: string;
  readonly clients: number;
  readonly calls: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Of the server's process, for each call, whatever else it did meanwhile among it. */
  readonly cpuMsEach: number;
  readonly bytesEach: number;
}

/** A client of one server, with connections that stay. */
export class Client {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 128 });
  readonly #port: number;
  readonly #secret: string;

  constructor(port: number, secret: string) {
    this.#port = port;
    this.#secret = secret;
  }

  close(): void {
    this.#agent.destroy();
  }

  /** The body, when the answer is 200. */
  send({ method, path, body }: Call): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? "" : JSON.stringify(body);
      const headers = {
        authorization: `Bearer ${this.#secret}`,
        ...(text === ""
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
      };
      const request = httpRequest({
        port: this.#port,
        host: "127.0.0.1",
        agent: this.#agent,
        method,
        path,
        headers,
      });
      request.once("error", reject);
      request.once("response", (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.once("error", reject);
        response.once("end", () => {
          const bytes = Buffer.concat(parts);
          if (response.statusCode === 200) resolve(bytes);
          else
            reject(new Error(`${method} ${path}: ${response.statusCode} ${bytes.toString("utf8", 0, 300)}`));
        });
      });
      request.end(text);
    });
  }

  async json<T>(call: Call): Promise<T> {
    return JSON.parse((await this.send(call)).toString("utf8")) as T;
  }

  /** `count` calls by `clients` at a time, and what they cost; `pid` is the server's. */
  async measure(
    name: string,
    { clients, count, pid, call }: { clients: number; count: number; pid: number; call: (i: number) => Call },
  ): Promise<Cost> {
    const times: number[] = [];
    let bytes = 0;
    let next = 0;
    const before = cpuUs([pid]);
    const one = async () => {
      while (next < count) {
        const begin = performance.now();
        const { length } = await this.send(call(next++));
        bytes += length;
        times.push(performance.now() - begin);
      }
    };
    await Promise.all(Array.from({ length: clients }, one));
    const cpuMsEach = (cpuUs([pid]) - before) / 1000 / count;
    return { ...costOf(name, clients, times), cpuMsEach, bytesEach: Math.round(bytes / count) };
  }
}

/** Percentiles by nearest rank. */
export function costOf(name: string, clients: number, times: readonly number[]): Cost {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
  const [p50Ms, p99Ms, maxMs] = [at(0.5), at(0.99), at(1)];
  return { name, clients, calls: times.length, p50Ms, p99Ms, maxMs, cpuMsEach: Number.NaN, bytesEach: 0 };
}
