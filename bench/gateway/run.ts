/**
 * One gateway worker against nginx at the same job: token, 80/20 split over a group, path prefix off, fields of one hop off,
 * request id and X-Forwarded-* on. Same upstream, same load, alternately in one run.
 *
 *     node bench/gateway/run.ts [--rounds=5] [--seconds=3] [--connections=32] [--all]
 *
 * `--all` adds the gateway over a unix socket, and the gateway on `data` events. Results go to bench/out/gateway.json.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { canCountInstructions, cpuUs, InstructionCount, residentMb } from "./cost.ts";
import { proxyConfig, upstreamConfig } from "./nginx.ts";

const here = import.meta.dirname;
const root = join(here, "..", "..");
const option = (name: string, otherwise: number) =>
  Number(process.argv.find((arg) => arg.startsWith(`--${name}=`))?.split("=")[1] ?? otherwise);
const rounds = option("rounds", 5);
const seconds = option("seconds", 3);
const connections = option("connections", 32);
const isAll = process.argv.includes("--all");
/** The rest of the path, as an official SDK would send it. */
const PATH = "/api/predict/pmml/rest";
const TOKEN = "Z3JvdXA=";

interface Round {
  readonly cpuUs: number;
  readonly userKi: number;
  readonly kernelKi: number;
  readonly requestsPerS: number;
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p99Us: number;
}
interface Side {
  readonly name: string;
  readonly port: number;
  readonly process: ChildProcess;
  readonly rounds: Round[];
}

const missing = ["wrk", "nginx"].filter((tool) => spawnSync("which", [tool]).status !== 0);
if (missing.length > 0) {
  console.error(
    `missing: ${missing.join(", ")}. On Debian and Ubuntu: sudo apt-get install -y wrk nginx-light`,
  );
  process.exit(1);
}
const dir = mkdtempSync(join(tmpdir(), "sluice-bench-"));
const children: ChildProcess[] = [];

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

function start(command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "inherit"] });
  children.push(child);
  return child;
}

function startNginx(name: string, config: (home: string) => string): ChildProcess {
  const home = join(dir, name);
  mkdirSync(home);
  writeFileSync(join(home, "nginx.conf"), config(home));
  return start("nginx", ["-p", home, "-c", join(home, "nginx.conf")]);
}

/** Starts a worker as `sluice serve` does, and gives it a table as the control process does. */
async function startGateway(
  name: string,
  port: number,
  address: object,
  script: readonly string[],
): Promise<ChildProcess> {
  const home = join(dir, name);
  mkdirSync(home);
  writeFileSync(join(home, "gateway.json"), JSON.stringify({ host: "127.0.0.1", port, slot: 0 }));
  const child = start(process.execPath, [...script, "--dir", home]);
  const service = (member: string) => ({
    name: member,
    group: "pmml",
    tokens: ["bWVtYmVy"],
    keepaliveMs: 5000,
    isBodyChecked: true,
    instances: [{ id: `${member}-v1-0`, address }],
  });
  const members = [
    { service: "prod", weight: 4 },
    { service: "grey", weight: 1 },
  ];
  // 200 more groups, so that the way through the table is not that of a toy.
  const others = Array.from({ length: 200 }, (_, i) => ({
    name: `group_${i}`,
    tokens: [`t${i}`],
    members: [],
  }));
  const groups = [{ name: "pmml", tokens: [TOKEN], members }, ...others];
  const table = { number: 1, services: [service("prod"), service("grey")], groups };
  const control = await eventually(() => dial(join(home, "control.sock")), "the gateway's control socket");
  control.write(`${JSON.stringify({ type: "table", table })}\n`);
  control.on("error", () => {}).resume();
  return child;
}

function dial(path: string): Promise<import("node:net").Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => resolve(socket));
    socket.once("error", reject);
  });
}

async function eventually<T>(attempt: () => Promise<T>, what: string): Promise<T> {
  const giveUpAt = performance.now() + 10_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > giveUpAt) throw new Error(`waited 10 s for ${what}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** The side does the job: it refuses a wrong token, answers a right one, and splits 80 to 20. */
async function prove(side: Side): Promise<string> {
  const url = `http://127.0.0.1:${side.port}${PATH}`;
  const ask = (token: string) =>
    fetch(url, { method: "POST", body: "[]", headers: { authorization: token } });
  await eventually(() => ask(TOKEN), side.name);
  if ((await ask("wrong")).status !== 401) throw new Error(`${side.name} lets a wrong token in`);
  let prod = 0;
  for (let i = 0; i < 500; i++) {
    const answer = await ask(TOKEN);
    if (answer.status !== 200 || !(await answer.text()).includes("probability"))
      throw new Error(`${side.name}: bad answer`);
    if (answer.headers.get("x-sluice-service") === "prod") prod++;
  }
  if (Math.abs(prod - 400) > 60) throw new Error(`${side.name} gave ${prod} of 500 to the member with 80 %`);
  return `${side.name}: ${prod} of 500 to the member with 80 %`;
}

const isCounting = canCountInstructions();

async function measure(side: Side): Promise<void> {
  const pid = side.process.pid!;
  const count = isCounting ? new InstructionCount(pid) : null;
  const before = cpuUs(pid);
  const args = [
    "-t1",
    `-c${connections}`,
    `-d${seconds}s`,
    "-s",
    join(here, "post.lua"),
    `http://127.0.0.1:${side.port}${PATH}`,
  ];
  const text = await new Promise<string>((resolve, reject) => {
    const wrk = spawn("wrk", args, { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    wrk.stdout.setEncoding("utf8").on("data", (part: string) => {
      output += part;
    });
    wrk.once("error", reject);
    wrk.once("close", () => resolve(output));
  });
  const spent = cpuUs(pid) - before;
  const instructions = (await count?.stop()) ?? { user: Number.NaN, kernel: Number.NaN };
  const numbers = /^RESULT (.*)$/m.exec(text)![1]!.split(" ").map(Number);
  const [requests, durationUs, failed, p50Us, p90Us, p99Us] = numbers as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (failed !== 0) throw new Error(`${failed} of ${requests} requests through ${side.name} failed`);
  side.rounds.push({
    cpuUs: spent / requests,
    userKi: instructions.user / requests / 1000,
    kernelKi: instructions.kernel / requests / 1000,
    requestsPerS: (requests * 1e6) / durationUs,
    p50Us,
    p90Us,
    p99Us,
  });
}

const sorted = (values: readonly number[]) => values.toSorted((a, b) => a - b);
const median = (values: readonly number[]) => sorted(values)[values.length >> 1]!;
const of = (side: Side, key: keyof Round) => side.rounds.map((r) => r[key]);

function report(sides: readonly Side[]): void {
  const base = median(of(sides[0]!, "cpuUs"));
  const rows = sides.map((side) => {
    const cpu = of(side, "cpuUs");
    const number = (key: keyof Round, digits: number, scale = 1) =>
      (median(of(side, key)) / scale).toFixed(digits);
    return {
      side: side.name,
      "CPU µs/req": `${median(cpu).toFixed(1)} [${Math.min(...cpu).toFixed(1)}-${Math.max(...cpu).toFixed(1)}]`,
      ratio: (median(cpu) / base).toFixed(2),
      ...(isCounting && { "k instr user": number("userKi", 1), "k instr kernel": number("kernelKi", 1) }),
      rps: number("requestsPerS", 0),
      "p50 ms": number("p50Us", 2, 1000),
      "p90 ms": number("p90Us", 2, 1000),
      "p99 ms": number("p99Us", 2, 1000),
      "RSS MB": residentMb(side.process.pid!).toFixed(0),
    };
  });
  console.table(rows);
  const kernel = execFileSync("uname", ["-r"], { encoding: "utf8" }).trim();
  console.log(
    `${cpus().length} × ${cpus()[0]!.model.trim()}, Linux ${kernel}, Node ${process.version}, load ${loadavg()[0]!.toFixed(1)}`,
  );
  mkdirSync(join(here, "..", "out"), { recursive: true });
  writeFileSync(join(here, "..", "out", "gateway.json"), `${JSON.stringify(rows, null, 2)}\n`);
}

try {
  const upstreamPort = await freePort();
  const upstream = `127.0.0.1:${upstreamPort}`;
  const unixPath = join(dir, "u.sock");
  startNginx("upstream", (home) => upstreamConfig(home, [upstream, `unix:${unixPath}`]));
  const main = [join(root, "src", "main.ts"), "gateway"];
  const tcp = { kind: "tcp", host: "127.0.0.1", port: upstreamPort };
  const sides: Side[] = [];
  const add = async (name: string, begin: (port: number) => ChildProcess | Promise<ChildProcess>) => {
    const port = await freePort();
    sides.push({ name, port, process: await begin(port), rounds: [] });
  };
  await add("nginx, same job", (port) =>
    startNginx("proxy", (home) => proxyConfig(home, `127.0.0.1:${port}`, upstream)),
  );
  await add("gateway", (port) => startGateway("gateway", port, tcp, main));
  if (isAll) {
    await add("gateway, unix socket upstream", (port) =>
      startGateway("unix", port, { kind: "unix", path: unixPath }, main),
    );
    const events = [join(here, "data-events-worker.ts")];
    await add("gateway, data events", (port) => startGateway("events", port, tcp, events));
  }
  for (const side of sides) console.log(await prove(side));
  for (let round = 0; round <= rounds; round++) {
    for (const side of sides) {
      await measure(side);
      // The first one warms up: connections, compiled code.
      if (round === 0) side.rounds.pop();
    }
  }
  report(sides);
} finally {
  for (const child of children) child.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
}
