/** The nginx sides of the benchmark: an upstream that answers from memory, and a proxy that does the gateway's job. */

const ANSWER = '{"probability(0)":0.8735214,"probability(1)":0.1264786}';

/** One process, files in `dir`, no log: what is measured is the work on requests. */
const frame = (dir: string, http: string) => `
daemon off;
master_process off;
error_log stderr crit;
pid ${dir}/nginx.pid;
events { worker_connections 4096; }
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

export function upstreamConfig(dir: string, listens: readonly string[]): string {
  const lines = listens.map((listen) => `listen ${listen};`).join(" ");
  return frame(
    dir,
    `server { ${lines} default_type application/json; location / { return 200 '${ANSWER}'; } }`,
  );
}

/** Token check, 80/20 by request id, prefix stripped, the same fields added and removed as the gateway does. */
export function proxyConfig(dir: string, listen: string, upstream: string): string {
  return frame(
    dir,
    `
  map $http_authorization $is_open { default 0; "Z3JvdXA=" 1; "Bearer Z3JvdXA=" 1; }
  split_clients $request_id $member { 80% prod; * grey; }
  upstream prod { server ${upstream}; keepalive 64; keepalive_requests 1000000000; }
  upstream grey { server ${upstream}; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen ${listen};
    location /api/predict/pmml {
      if ($is_open = 0) { return 401; }
      rewrite ^/api/predict/pmml/?(.*)$ /$1 break;
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
    }
  }`,
  );
}
