/**
 * The job as one would write it on Node's own HTTP server and undici, in one process: what the gateway's own data path saves.
 *
 *     node bench/peers/undici-proxy.ts <port> <host:port of the upstream>
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Pool } from "undici";
import { PREFIX, TOKEN } from "../harness/side.ts";

const [port, upstream] = process.argv.slice(2) as [string, string];
const members = [
  { name: "prod", weight: 4, current: 0, pool: new Pool(`http://${upstream}`) },
  { name: "grey", weight: 1, current: 0, pool: new Pool(`http://${upstream}`) },
];
const whole = members.reduce((sum, { weight }) => sum + weight, 0);
/** Not passed on as they came: of one hop, or put on anew. */
const OWN = new Set(
  "connection keep-alive te upgrade transfer-encoding expect authorization x-request-id".split(" "),
);

/** Smooth weighted round-robin, as in nginx and in the gateway. */
function pick() {
  let best = members[0]!;
  for (const member of members) {
    member.current += member.weight;
    if (member.current > best.current) best = member;
  }
  best.current -= whole;
  return best;
}

function upstreamHeaders(request: IncomingMessage): string[] {
  const kept: string[] = [];
  let forwardedFor = "";
  const raw = request.rawHeaders;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    if (name === "x-forwarded-for") forwardedFor = `${raw[i + 1]}, `;
    else if (!OWN.has(name) && !name.startsWith("proxy-")) kept.push(raw[i]!, raw[i + 1]!);
  }
  kept.push("X-Request-Id", randomUUID(), "X-Forwarded-For", forwardedFor + request.socket.remoteAddress!);
  kept.push("X-Forwarded-Proto", "http", "X-Forwarded-Host", request.headers.host ?? "");
  return kept;
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status).end();
}

createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
  const url = request.url!;
  const isGroup = url.startsWith(PREFIX) && (url.length === PREFIX.length || url[PREFIX.length] === "/");
  if (!isGroup) return refuse(response, 404);
  const token = request.headers.authorization;
  if (token !== TOKEN && token !== `Bearer ${TOKEN}`) return refuse(response, 401);
  const member = pick();
  const hasBody = request.headers["content-length"] !== undefined || request.headers["transfer-encoding"];
  member.pool.stream(
    {
      method: request.method as "GET",
      path: url.slice(PREFIX.length) || "/",
      headers: upstreamHeaders(request),
      body: hasBody ? request : null,
      opaque: response,
    },
    ({ statusCode, headers, opaque }) => {
      const out = opaque as ServerResponse;
      const { connection: _, "keep-alive": __, ...kept } = headers;
      return out.writeHead(statusCode, { ...kept, "x-sluice-service": member.name });
    },
    (error) => {
      if (error === null) return;
      if (response.headersSent) response.destroy();
      else refuse(response, 502);
    },
  );
}).listen({ port: Number(port), host: "127.0.0.1", backlog: 4096 });
