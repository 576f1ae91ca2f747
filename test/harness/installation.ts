import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { isSameProcess, type ProcessIdentity } from "../../src/base/process-identity.ts";
import { TEST_ENVIRONMENTS } from "./test-environments.ts";
import { until } from "./until.ts";

export const ROOT = dirname(dirname(import.meta.dirname));
const SLUICE = join(ROOT, "bin", "sluice");

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
  /** The same, as it came. */
  readonly bytes: Buffer;
}

/** One Sluice with a home of its own: started by the real program, on free ports, and taken down to the last process. */
export class Installation {
  readonly home = mkdtempSync(join(tmpdir(), "sluice-"));
  readonly gatewayWorkers: number;
  /** Further flags of `sluice serve`. */
  flags: readonly string[] = [];
  /** Further variables of its environment. */
  variables: Readonly<Record<string, string>> = {};
  control: ChildProcess | null = null;
  controlOutput = "";

  /** Folder of environments made before; null: none. */
  readonly #prepared: string | null;

  constructor(options: { readonly gatewayWorkers?: number; readonly prepared?: null } = {}) {
    this.gatewayWorkers = options.gatewayWorkers ?? 2;
    this.#prepared = options.prepared === null ? null : TEST_ENVIRONMENTS;
  }

  /** Starts `sluice serve` and waits until it answers. */
  async start(): Promise<void> {
    await this.startControl();
  }

  /** Starts a control process on this home; the gateways and instances that live are found again. */
  async startControl(): Promise<ChildProcess> {
    // The first start takes free ports; later ones keep them, as a real restart does.
    const known = existsSync(join(this.home, "config.json")) ? this.clientConfig() : null;
    const port = known === null ? "0" : new URL(known.gateway).port;
    const apiPort = known === null ? "0" : new URL(known.address).port;
    const args = [
      "serve",
      "--home",
      this.home,
      "--port",
      port,
      "--api-port",
      apiPort,
      "--gateway-workers",
      String(this.gatewayWorkers),
      ...this.flags,
    ];
    const child = spawn(SLUICE, args, { stdio: ["ignore", "pipe", "pipe"], env: this.env() });
    this.control = child;
    this.controlOutput = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk) => (this.controlOutput += String(chunk)));
    await until(
      async () => {
        assert.equal(child.exitCode, null, `sluice serve ended: ${this.controlOutput}`);
        if (!existsSync(join(this.home, "config.json"))) return false;
        const answer = await this.api("GET", "/healthz").catch(() => null);
        return answer?.status === 200 && this.controlOutput.includes("ready");
      },
      "sluice serve to be ready",
      30_000,
      () => this.controlOutput,
    );
    return child;
  }

  /** `kill -9` of the control process only. */
  async killControl(): Promise<void> {
    const child = this.control;
    assert(child !== null);
    child.kill("SIGKILL");
    await until(() => child.signalCode !== null || child.exitCode !== null, "the control process to be gone");
    this.control = null;
  }

  /** Ends everything as a user would, and by force what is left. */
  async stop(): Promise<void> {
    const child = this.control;
    if (child !== null && child.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
      await until(
        () => child.exitCode !== null || child.signalCode !== null,
        "sluice serve to end",
        40_000,
      ).catch(() => child.kill("SIGKILL"));
    }
    const left = this.processes();
    for (const { identity } of left) killGroup(identity);
    await until(() => this.processes().length === 0, "the last process to end");
    rmSync(this.home, { recursive: true, force: true });
  }

  /** Living gateways and instances, by their run directory. */
  processes(): {
    readonly kind: "gateway" | "instance";
    readonly id: string;
    readonly identity: ProcessIdentity;
  }[] {
    const found: { kind: "gateway" | "instance"; id: string; identity: ProcessIdentity }[] = [];
    for (const kind of ["gateway", "instance"] as const) {
      const folder = join(this.home, "run", `${kind}s`);
      if (!existsSync(folder)) continue;
      for (const id of readdirSync(folder)) {
        try {
          const identity = JSON.parse(
            readFileSync(join(folder, id, "process.json"), "utf8"),
          ) as ProcessIdentity;
          if (isSameProcess(identity)) found.push({ kind, id, identity });
        } catch {
          // not started yet, or just gone
        }
      }
    }
    return found;
  }

  pidOf(id: string): number {
    const found = this.processes().find((p) => p.id === id);
    assert(
      found !== undefined,
      `no living process ${id}; there are ${this.processes()
        .map((p) => p.id)
        .join(", ")}`,
    );
    return found.identity.pid;
  }

  clientConfig(): {
    readonly address: string;
    readonly gateway: string;
    readonly key: string;
    readonly keyId: string;
    readonly region: string;
  } {
    return JSON.parse(readFileSync(join(this.home, "config.json"), "utf8"));
  }

  env(): NodeJS.ProcessEnv {
    const prepared = this.#prepared === null ? {} : { SLUICE_PREPARED_ENVIRONMENTS: this.#prepared };
    return { ...process.env, SLUICE_HOME: this.home, ...prepared, ...this.variables };
  }

  /** Runs the CLI to its end. */
  async cli(...args: string[]): Promise<CliResult> {
    const child = spawn(SLUICE, args, { stdio: ["ignore", "pipe", "pipe"], env: this.env() });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => (stdout += String(chunk)));
    child.stderr.on("data", (chunk) => (stderr += String(chunk)));
    const code = await new Promise<number | null>((done) => child.on("close", done));
    return { code, stdout, stderr };
  }

  /** Runs the CLI and expects exit code 0. */
  async ok(...args: string[]): Promise<string> {
    const result = await this.cli(...args);
    assert.equal(result.code, 0, `sluice ${args.join(" ")}: ${result.stdout}${result.stderr}`);
    return result.stdout;
  }

  /** One call of the control API. */
  api(method: string, path: string, body?: unknown): Promise<HttpAnswer> {
    const { address, key } = this.clientConfig();
    const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
    return http(`${address}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(text === undefined ? {} : { body: text }),
    });
  }

  /** The API's answer as JSON, expecting 200. */
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into field by field by the tests
  async json(method: string, path: string, body?: unknown): Promise<any> {
    const answer = await this.api(method, path, body);
    assert.equal(answer.status, 200, `${method} ${path}: ${answer.status} ${answer.body}`);
    return JSON.parse(answer.body);
  }

  // biome-ignore lint/suspicious/noExplicitAny: as above
  service(name: string): Promise<any> {
    return this.json("GET", `/api/v2/services/local/${name}`);
  }

  /** One request through the gateway. */
  async predict(path: string, body: string | Buffer, token: string): Promise<HttpAnswer> {
    return http(`${this.clientConfig().gateway}/api/predict/${path}`, {
      method: "POST",
      headers: { authorization: token },
      body,
    });
  }

  async untilRunning(name: string): Promise<void> {
    let last = "";
    await until(
      async () => {
        const service = await this.service(name);
        last = `${service.Status}: ${service.Message}`;
        return service.Status === "Running";
      },
      `service ${name} to be running`,
      60_000,
      () => `${last}\n${this.controlOutput}`,
    );
  }
}

/** One HTTP exchange on a connection of its own. */
export function http(
  url: string,
  options: { method: string; headers?: Record<string, string>; body?: string | Buffer },
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const req = request(url, { method: options.method, headers: options.headers, agent: false }, (res) => {
      const chunks: Buffer[] = [];
      res.on("data", (chunk: Buffer) => chunks.push(chunk));
      res.on("error", reject);
      res.on("end", () => {
        const bytes = Buffer.concat(chunks);
        const body = bytes.toString("utf8");
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body, bytes });
      });
    });
    req.on("error", reject);
    req.end(options.body);
  });
}

function killGroup(identity: ProcessIdentity): void {
  for (const target of [-identity.pid, identity.pid]) {
    try {
      process.kill(target, "SIGKILL");
    } catch {
      // no such group or process: what we want
    }
  }
}
