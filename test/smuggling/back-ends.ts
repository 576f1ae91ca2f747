import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { ReadRequest } from "../../src/testing/http1-oracle.ts";
import { until } from "../harness/until.ts";

/** Starting a JVM that compiles its source takes seconds on a busy machine. */
const START_MS = 60_000;
/** Debian puts servers where only root looks for commands. */
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
const root = dirname(dirname(import.meta.dirname));

/** A back end that answers every request with its target, and tells what it took for requests, in order. */
export interface BackEnd {
  readonly name: string;
  readonly port: number;
  readonly seen: ReadRequest[];
  close(): Promise<void>;
}

/** node:http. */
export async function startNode(name = "node"): Promise<BackEnd> {
  const seen: ReadRequest[] = [];
  const server: Server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (req, res) => {
    let body = "";
    req.setEncoding("latin1");
    req.on("data", (text: string) => {
      body += text;
    });
    req.on("end", () => {
      seen.push({ method: req.method ?? "", target: req.url ?? "", body });
      res.setHeader("Content-Length", Buffer.byteLength(req.url ?? "", "latin1"));
      res.end(req.url, "latin1");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { name, port: (server.address() as AddressInfo).port, seen, close };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}

/** A program that says its port in its first line, and then each request in a line of JSON. */
async function startRecorder(name: string, command: string, args: readonly string[]): Promise<BackEnd> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  const seen: ReadRequest[] = [];
  let port = 0;
  createInterface({ input: child.stdout! }).on("line", (line) => {
    if (port === 0) port = Number(line);
    else {
      const { method, target, body } = JSON.parse(line) as ReadRequest;
      seen.push({ method, target, body: Buffer.from(body, "base64").toString("latin1") });
    }
  });
  const broken = new Promise<never>((_, reject) => {
    child.once("error", (error) => reject(new Error(`${name}: ${error.message}; run tools/setup-test`)));
    child.once("exit", (code) => reject(new Error(`${name} ended with ${code} before it listened`)));
  });
  await Promise.race([until(() => port !== 0, `${name} to listen`, START_MS), broken]);
  broken.catch(() => {});
  return { name, port, seen, close: () => stop(child) };
}

/** Python's http.server. */
export const startPython = (): Promise<BackEnd> =>
  startRecorder("python", process.env.SLUICE_PYTHON ?? "python3", [
    "-u",
    join(import.meta.dirname, "recorders/recorder.py"),
  ]);

/** The HTTP server of the JDK. */
export const startJava = (): Promise<BackEnd> =>
  startRecorder("java", "java", [
    "-XX:TieredStopAtLevel=1",
    "-Dsun.net.httpserver.nodelay=true",
    "--add-modules=jdk.httpserver",
    join(import.meta.dirname, "recorders/Recorder.java"),
  ]);

/** A proxy with node:http behind it, which shows what the proxy understood. */
async function startProxy(
  name: string,
  command: string,
  configure: (dir: string, port: number, target: number) => { config: string; args: readonly string[] },
): Promise<BackEnd> {
  const behind = await startNode(name);
  const dir = mkdtempSync(join(tmpdir(), "sluice-smuggling-"));
  const port = await freePort();
  const { config, args } = configure(dir, port, behind.port);
  writeFileSync(join(dir, "config"), config);
  const child = spawn(command, args, { cwd: root, env, stdio: ["ignore", "ignore", "inherit"] });
  const close = async () => {
    await stop(child);
    await behind.close();
    rmSync(dir, { recursive: true, force: true });
  };
  const broken = new Promise<never>((_, reject) => {
    child.once("error", (error) => reject(new Error(`${name}: ${error.message}; run tools/setup-test`)));
    child.once("exit", (code) => reject(new Error(`${name} ended with ${code}`)));
  });
  broken.catch(() => {});
  try {
    await Promise.race([listening(port, name), broken]);
  } catch (error) {
    await close();
    throw error;
  }
  return { name, port, seen: behind.seen, close };
}

/** nginx, with its defaults: it reads the whole body and frames it anew. */
export const startNginx = (): Promise<BackEnd> =>
  startProxy("nginx", "nginx", (dir, port, target) => ({
    config: `
daemon off;
master_process off;
error_log /dev/null;
pid ${dir}/nginx.pid;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  keepalive_requests 1000000;
  large_client_header_buffers 8 48k;
  upstream behind { server 127.0.0.1:${target}; keepalive 8; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`,
    args: ["-e", "/dev/null", "-c", join(dir, "config")],
  }));

/** HAProxy, with its defaults: bodies pass through it as they come. */
export const startHaproxy = (): Promise<BackEnd> =>
  startProxy("haproxy", "haproxy", (dir, port, target) => ({
    config: `
global
  maxconn 256
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
listen all
  bind 127.0.0.1:${port}
  server behind 127.0.0.1:${target}
`,
    args: ["-db", "-q", "-f", join(dir, "config")],
  }));

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(port: number, name: string): Promise<void> {
  let isOpen = false;
  const knock = () => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      isOpen = true;
      socket.destroy();
    });
    socket.once("error", () => setTimeout(knock, 10));
  };
  knock();
  await until(() => isOpen, `${name} to listen`, START_MS);
}
