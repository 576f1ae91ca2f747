import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PREFIX, type Side, TOKEN } from "../harness/side.ts";
import { freePort, type Stage } from "../harness/stage.ts";
import { type PeerJob, processSide } from "./peer.ts";

/**
 * The cheapest forms that HAProxy 2.6 has for each part of the job: the path is cut by `field`, not by a regular expression; the
 * members are two weighted servers, which is exact. Conditions on the token are decided before it is taken off.
 */
function config(port: number, job: PeerJob): string {
  return `
global
  nbthread ${job.workers ?? 1}
  no strict-limits
  maxconn 15000
${job.bufferBytes === undefined ? "" : `  tune.bufsize ${job.bufferBytes}`}
defaults
  mode http
  timeout connect 3s
  timeout client 75s
  timeout server 75s
  timeout http-keep-alive 75s
${job.isStreaming ? "  option http-no-delay" : ""}
listen job
  bind 127.0.0.1:${port} backlog 4096
  acl is_group path ${PREFIX}
  acl is_group path_beg ${PREFIX}/
  acl is_open req.hdr(authorization) -m str "${TOKEN}" "Bearer ${TOKEN}"
  http-request return status 404 if !is_group
  http-request return status 401 if !is_open
  http-request set-path /%[path,field(5,/,0)]
  http-request del-header Authorization
  http-request del-header Keep-Alive
  http-request del-header TE
  http-request del-header Upgrade
  http-request set-header X-Request-Id %[uuid()]
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  option forwardfor
  http-response set-header X-Sluice-Service %s
  http-reuse always
  balance roundrobin
  server prod ${job.upstream} weight 80
  server grey ${job.upstream} weight 20
`;
}

/** HAProxy at the full job, one process in the foreground. */
export async function startHaproxy(stage: Stage, job: PeerJob): Promise<Side> {
  const port = await freePort();
  const file = join(stage.folder("haproxy"), "haproxy.cfg");
  writeFileSync(file, config(port, job));
  return processSide("HAProxy", port, stage.start("haproxy", ["-db", "-q", "-f", file]));
}
