import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PREFIX, type Side, TOKEN } from "../harness/side.ts";
import { freePort, type Stage } from "../harness/stage.ts";
import { type PeerJob, processSide } from "./peer.ts";

/** Files in `dir`, no log: what is measured is the work on requests. */
const frame = (dir: string, workers: number, http: string) => `
daemon off;
${workers === 1 ? "master_process off;" : `master_process on; worker_processes ${workers};`}
user root;
error_log stderr crit;
pid ${dir}/nginx.pid;
events { worker_connections 20000; }
http {
  access_log off;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  keepalive_requests 1000000000;
${http}
}
`;

/** Starts nginx with this configuration of its http part. */
export function startNginx(stage: Stage, http: (dir: string) => string, workers = 1) {
  const dir = stage.folder("nginx");
  const file = join(dir, "nginx.conf");
  const config = frame(dir, workers, http(dir));
  // Only root may name a user, and only root needs one: workers of another user could not open the folder.
  writeFileSync(file, process.getuid?.() === 0 ? config : config.replace("user root;\n", ""));
  return stage.start("nginx", ["-p", dir, "-c", file]);
}

/** What the gateway is given in `hasLimits` of its table: one bucket and one count for the service, the longest body and head. */
const ZONES =
  "  limit_req_zone $server_name zone=rate:1m rate=1000000r/s; limit_conn_zone $server_name zone=now:1m;";
const LIMITS =
  "limit_req zone=rate burst=50000 nodelay; limit_conn now 50000; client_max_body_size 1g; large_client_header_buffers 4 16k;";

/** Token check, 80/20 by request id, prefix off, the same fields put on and taken off as the gateway does. */
function proxyConfig(listen: string, job: PeerJob): string {
  const kept = `keepalive ${job.keptCount ?? 256}; keepalive_requests 1000000000;`;
  return `
  map $http_authorization $is_open { default 0; "${TOKEN}" 1; "Bearer ${TOKEN}" 1; }
  split_clients $request_id $member { 80% prod; * grey; }
  upstream prod { server ${job.upstream}; ${kept} }
  upstream grey { server ${job.upstream}; ${kept} }
${job.hasLimits ? ZONES : ""}
  server {
    listen ${listen}${(job.workers ?? 1) > 1 ? " reuseport" : ""};
    ${job.hasLimits ? LIMITS : "client_max_body_size 0;"}
    location ${PREFIX} {
      if ($is_open = 0) { return 401; }
      rewrite ^${PREFIX}/?(.*)$ /$1 break;
      proxy_pass http://$member;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Request-Id $request_id;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      add_header X-Sluice-Service $member;
${bufferLines(job)}
    }
  }`;
}

function bufferLines({ bufferBytes: bytes, isStreaming }: PeerJob): string {
  if (isStreaming) return "proxy_buffering off;";
  if (bytes === undefined) return "";
  // Bodies go up as they come, as they do in the gateway; answers never to a file.
  return `
      proxy_request_buffering off; client_body_buffer_size ${bytes};
      proxy_buffer_size ${bytes}; proxy_buffers 4 ${bytes}; proxy_busy_buffers_size ${2 * bytes};
      proxy_max_temp_file_size 0;`;
}

/** nginx at the full job. */
export async function startNginxProxy(stage: Stage, job: PeerJob): Promise<Side> {
  const port = await freePort();
  const child = startNginx(stage, () => proxyConfig(`127.0.0.1:${port}`, job), job.workers ?? 1);
  return processSide(job.hasLimits ? "nginx, limits" : "nginx", port, child);
}

/** Answer of the upstream to a small request, 57 bytes. */
export const ANSWER = '{"probability(0)":0.8735214,"probability(1)":0.1264786}\n';

/** What a proxy made of a request, as the upstream saw it: see `prove`. */
const SEEN =
  '{"path":"$request_uri","authorization":"$http_authorization","requestId":"$http_x_request_id",' +
  '"for":"$http_x_forwarded_for","proto":"$http_x_forwarded_proto","host":"$http_x_forwarded_host"}';

/** One process that answers from memory, on TCP and on a unix socket. */
export interface Upstream {
  readonly port: number;
  /** `host:port`. */
  readonly tcp: string;
  readonly unixPath: string;
  readonly pid: number;
}

/**
 * Starts the upstream of a benchmark. `/seen` answers what came; `/up` reads a whole body before it answers, as a
 * plain `return` would answer before it; `/down/<bytes>` is a file in the page cache, for each of `sizes`.
 */
export async function startUpstream(stage: Stage, sizes: readonly number[] = []): Promise<Upstream> {
  const port = await freePort();
  const unixPath = join(stage.dir, "u.sock");
  const files = stage.folder("files");
  mkdirSync(join(files, "down"));
  for (const bytes of sizes) writeFileSync(join(files, "down", String(bytes)), Buffer.alloc(bytes, "x"));
  const nginx = startNginx(
    stage,
    (dir) => `
  open_file_cache max=16; sendfile on; tcp_nopush on; root ${files};
  upstream self { server unix:${dir}/self.sock; keepalive 64; keepalive_requests 1000000000; }
  server { listen unix:${dir}/self.sock; location / { return 200 '${ANSWER}'; } }
  server {
    listen 127.0.0.1:${port} backlog=4096; listen unix:${unixPath} backlog=4096;
    default_type application/json;
    location / { return 200 '${ANSWER}'; }
    location = /seen { return 200 '${SEEN}'; }
    location /down/ { }
    location = /up {
      client_max_body_size 0; client_body_buffer_size 2m;
      proxy_pass http://self; proxy_http_version 1.1; proxy_method GET;
      proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header Connection "";
    }
  }`,
  );
  return { port, tcp: `127.0.0.1:${port}`, unixPath, pid: nginx.pid! };
}
