/**
 * What a mirror of 100 % costs the primary: one gateway worker without a mirror, with a target that hangs, and with one that
 * answers. Same upstream, same load, alternately in one run.
 *
 *     node bench/mirror/run.ts [--rounds=5] [--seconds=3] [--connections=8]
 *
 * The connections are few, so that the worker is not full: the question is what a user waits, not what a full worker does.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { canCountInstructions, cpuUs, InstructionCount, residentMb } from "../gateway/cost.ts";
import { upstreamConfig } from "../gateway/nginx.ts";

const here = import.meta.dirname;
const root = join(here, "..", "..");
const option = (name: string, otherwise: number) =>
  Number(process.argv.find((arg) => arg.startsWith(`--${name}=`))?.split("=")[1] ?? otherwise);
const rounds = option("rounds", 5);
const seconds = option("seconds", 3);
const connections = option("connections", 8);
/** Of the group that post.lua asks. */
const TOKEN = "Z3JvdXA=";

interface Side {
  readonly name: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** Copies sent and dropped, as the worker reports them. */
  readonly copies: { sent: number; answered: number; dropped: number };
  readonly rounds: { cpuUs: number; userKi: number; requestsPerS: number; p50Us: number; p99Us: number }[];
}

for (const tool of ["wrk", "nginx"]) {
  if (spawnSync("which", [tool]).status === 0) continue;
  console.error(`missing: ${tool}. On Debian and Ubuntu: sudo apt-get install -y wrk nginx-light`);
  process.exit(1);
}
const dir = mkdtempSync(join(tmpdir(), "sluice-bench-"));
const children: ChildProcess[] = [];
const held = new Set<Socket>();

function start(command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "inherit"] });
  children.push(child);
  return child;
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)),
  );
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
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

const dial = (path: string) =>
  new Promise<Socket>((resolve, reject) => {
    const socket = connect(path, () => resolve(socket));
    socket.once("error", reject);
  });

/** A worker as `sluice serve` starts it, with a group of one member that is mirrored to `target`, if there is one. */
async function startSide(name: string, primary: object, target: object | null): Promise<Side> {
  const port = await freePort();
  const home = join(dir, name.replaceAll(/\W+/g, "-"));
  mkdirSync(home);
  writeFileSync(join(home, "gateway.json"), JSON.stringify({ host: "127.0.0.1", port, slot: 0 }));
  const worker = start(process.execPath, [join(root, "src", "main.ts"), "gateway", "--dir", home]);
  const route = (service: string, address: object) => ({
    name: service,
    group: null,
    tokens: ["dA=="],
    keepaliveMs: 600_000,
    isBodyChecked: true,
    instances: [{ id: `${service}-v1-0`, address }],
  });
  const mirror = target === null ? {} : { mirror: { ratio: 100, targets: ["copy"], compare: null } };
  const services = [
    { ...route("prod", primary), group: "pmml", ...mirror },
    ...(target === null ? [] : [route("copy", target)]),
  ];
  const groups = [{ name: "pmml", tokens: [TOKEN], members: [{ service: "prod", weight: 1 }] }];
  const control = await eventually(() => dial(join(home, "control.sock")), "the control socket");
  const side: Side = {
    name,
    port,
    process: worker,
    copies: { sent: 0, answered: 0, dropped: 0 },
    rounds: [],
  };
  let text = "";
  control.setEncoding("utf8").on("data", (part: string) => {
    const lines = (text + part).split("\n");
    text = lines.pop()!;
    for (const line of lines) count(side, JSON.parse(line) as Report);
  });
  control.on("error", () => {});
  control.write(`${JSON.stringify({ type: "table", table: { number: 1, services, groups } })}\n`);
  await eventually(() => fetch(`http://127.0.0.1:${port}/`), name);
  return side;
}

interface Report {
  readonly mirrors?: readonly { sent: number; answered: number; dropped: Record<string, number> }[];
}

function count({ copies }: Side, report: Report): void {
  for (const sample of report.mirrors ?? []) {
    copies.sent += sample.sent;
    copies.answered += sample.answered;
    for (const dropped of Object.values(sample.dropped)) copies.dropped += dropped;
  }
}

async function measure(side: Side): Promise<void> {
  const instructions = isCounting ? new InstructionCount(side.process.pid!) : null;
  const before = cpuUs(side.process.pid!);
  const url = `http://127.0.0.1:${side.port}/api/predict/pmml/rest`;
  const lua = join(here, "..", "gateway", "post.lua");
  const text = await new Promise<string>((resolve, reject) => {
    const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "-s", lua, url];
    const wrk = spawn("wrk", args, { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    wrk.stdout.setEncoding("utf8").on("data", (part: string) => {
      output += part;
    });
    wrk.once("error", reject);
    wrk.once("close", () => resolve(output));
  });
  const spent = cpuUs(side.process.pid!) - before;
  const [requests, durationUs, failed, p50Us, , p99Us] = /^RESULT (.*)$/m
    .exec(text)![1]!
    .split(" ")
    .map(Number) as [number, number, number, number, number, number];
  if (failed !== 0) throw new Error(`${failed} of ${requests} requests failed: ${side.name}`);
  const userKi = ((await instructions?.stop())?.user ?? Number.NaN) / requests / 1000;
  side.rounds.push({
    cpuUs: spent / requests,
    userKi,
    requestsPerS: (requests * 1e6) / durationUs,
    p50Us,
    p99Us,
  });
}

const isCounting = canCountInstructions();
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

function report(sides: readonly Side[]): void {
  const rows = sides.map(({ name, process: { pid }, copies, rounds: all }) => {
    const p99 = all.map((r) => r.p99Us / 1000);
    return {
      side: name,
      "p50 ms": median(all.map((r) => r.p50Us / 1000)).toFixed(3),
      "p99 ms": `${median(p99).toFixed(3)} [${Math.min(...p99).toFixed(3)}-${Math.max(...p99).toFixed(3)}]`,
      "requests/s": median(all.map((r) => r.requestsPerS)).toFixed(0),
      "CPU µs/req": median(all.map((r) => r.cpuUs)).toFixed(1),
      ...(isCounting && { "k instr user": median(all.map((r) => r.userKi)).toFixed(1) }),
      "RSS MB": residentMb(pid!).toFixed(0),
      "copies sent": copies.sent,
      "copies dropped": copies.dropped,
    };
  });
  console.table(rows);
  console.log(
    `${cpus().length} × ${cpus()[0]!.model.trim()}, Node ${process.version}, load ${loadavg()[0]!.toFixed(1)}`,
  );
  mkdirSync(join(here, "..", "out"), { recursive: true });
  writeFileSync(join(here, "..", "out", "mirror.json"), `${JSON.stringify(rows, null, 2)}\n`);
}

/** Takes connections, and never reads from them. */
const hung = createServer({ pauseOnConnect: true }, (socket) => {
  held.add(socket.on("error", () => {}));
});
try {
  const unix = (name: string) => ({ kind: "unix", path: join(dir, name) });
  const home = join(dir, "upstream");
  mkdirSync(home);
  const listens = ["p.sock", "c.sock"].map((name) => `unix:${join(dir, name)}`);
  writeFileSync(join(home, "nginx.conf"), upstreamConfig(home, listens));
  start("nginx", ["-p", home, "-c", join(home, "nginx.conf")]);
  const hungAddress = { kind: "tcp", host: "127.0.0.1", port: await listen(hung) };
  const sides = [
    await startSide("no mirror", unix("p.sock"), null),
    await startSide("no mirror, again", unix("p.sock"), null),
    await startSide("mirror 100 %, target hung", unix("p.sock"), hungAddress),
    await startSide("mirror 100 %, target answers", unix("p.sock"), unix("c.sock")),
  ];
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
  for (const socket of held) socket.destroy();
  hung.close();
  rmSync(dir, { recursive: true, force: true });
}
