/**
 * Engine plus Python worker against uvicorn (uvloop, httptools), both answering a constant, alternately in one run.
 * Options: `--rounds=5 --seconds=3`. Needs wrk, python3 and, the first time, pip. Results go to bench/out/engine.json.
 */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { EngineInstance, eventually } from "../../src/testing/engine-instance.ts";
import { load } from "./load.ts";

const here = import.meta.dirname;
const out = join(here, "..", "out");
const option = (name: string, otherwise: number) =>
  Number(process.argv.find((arg) => arg.startsWith(`--${name}=`))?.split("=")[1] ?? otherwise);
const rounds = option("rounds", 5);
const seconds = option("seconds", 3);
const CONNECTIONS = 32;
const PEERS = ["uvicorn==0.34.0", "uvloop==0.21.0", "httptools==0.6.4"];

interface Round {
  readonly cpuUs: number;
  readonly requestsPerS: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
}
interface Side {
  readonly name: string;
  readonly url: string;
  readonly pids: () => number[];
  readonly rounds: Round[];
}

/** CPU time of all threads of a process in µs (`/proc/PID/task/*​/schedstat`, first field, ns). */
function cpuUs(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const spent = (task: string) =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "latin1").split(" ")[0]);
  return tasks.reduce((sum, task) => sum + spent(task), 0) / 1000;
}

const residentMb = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;

function measure(side: Side): void {
  const pids = side.pids();
  const total = () => pids.reduce((sum, pid) => sum + cpuUs(pid), 0);
  const before = total();
  const { requests, ...times } = load(side.url, CONNECTIONS, seconds);
  const spent = total() - before;
  side.rounds.push({ cpuUs: spent / requests, ...times });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return (address as { port: number }).port;
}

/** A virtual environment with the peer, made once under bench/out. */
function peerPython(): string {
  const folder = join(out, "uvicorn-venv");
  const python = join(folder, "bin", "python");
  if (!existsSync(join(folder, "done"))) {
    mkdirSync(out, { recursive: true });
    execFileSync(process.env.SLUICE_PYTHON ?? "python3", ["-m", "venv", folder], { stdio: "inherit" });
    execFileSync(python, ["-m", "pip", "install", "-q", ...PEERS], { stdio: "inherit" });
    writeFileSync(join(folder, "done"), PEERS.join("\n"));
  }
  return python;
}

function median(side: Side, pick: (round: Round) => number): number {
  const sorted = side.rounds.map(pick).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

const python = peerPython();
const constant = 'def process(data):\n    return b\'{"ok":true,"answer":42}\'\n';
const engine = new EngineInstance({ source: constant });
const peerPort = await freePort();
const peer = spawn(
  python,
  [
    "-m",
    "uvicorn",
    "constant_app:app",
    "--port",
    String(peerPort),
    "--loop",
    "uvloop",
    "--http",
    "httptools",
  ].concat(["--no-access-log", "--log-level", "warning", "--lifespan", "off"]),
  { cwd: here, stdio: "inherit" },
);
try {
  const { port } = await engine.ready();
  await eventually("uvicorn to answer", () =>
    fetch(`http://127.0.0.1:${peerPort}/`, { method: "POST", body: "x" }).then(
      (response) => response.ok,
      () => false,
    ),
  );
  const enginePids = () => [engine.process.pid!, ...engine.workerPids];
  const idleMb = enginePids().map((pid) => residentMb(pid).toFixed(0));
  const sides: Side[] = [
    {
      name: "engine + python worker",
      url: `http://127.0.0.1:${port}/api/predict/svc`,
      pids: enginePids,
      rounds: [],
    },
    { name: "uvicorn", url: `http://127.0.0.1:${peerPort}/`, pids: () => [peer.pid!], rounds: [] },
  ];
  const loadBefore = loadavg()[0]!.toFixed(2);
  for (const side of sides) load(side.url, CONNECTIONS, 2); // warm
  for (let i = 0; i < rounds; i++) for (const side of sides) measure(side);

  console.log(
    `${cpus().length} cores, load before ${loadBefore}; ${rounds} rounds of ${seconds} s, ${CONNECTIONS} connections, medians`,
  );
  console.log("                          CPU µs/req   requests/s    p50 µs    p99 µs  p99.9 µs");
  for (const side of sides) {
    const row = [
      median(side, (r) => r.cpuUs)
        .toFixed(1)
        .padStart(11),
      median(side, (r) => r.requestsPerS)
        .toFixed(0)
        .padStart(12),
      ...[(r: Round) => r.p50Us, (r: Round) => r.p99Us, (r: Round) => r.p999Us].map((pick) =>
        median(side, pick).toFixed(0).padStart(9),
      ),
    ];
    console.log(`${side.name.padEnd(24)} ${row.join(" ")}`);
  }
  const ratio = median(sides[0]!, (r) => r.cpuUs) / median(sides[1]!, (r) => r.cpuUs);
  console.log(`CPU ratio engine / uvicorn: ${ratio.toFixed(2)}`);
  console.log(
    `RSS idle: engine ${idleMb[0]} MB, worker ${idleMb[1]} MB; after: ${enginePids()
      .map((pid) => residentMb(pid).toFixed(0))
      .join(" and ")} MB; uvicorn ${residentMb(peer.pid!).toFixed(0)} MB`,
  );
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, "engine.json"), JSON.stringify({ ratio, loadBefore, sides }, null, 1));
} finally {
  peer.kill("SIGTERM");
  await engine.dispose();
}
