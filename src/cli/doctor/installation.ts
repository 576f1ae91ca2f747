import { dirname, join } from "node:path";
import { ApiError } from "../../api/client.ts";
import { Failure } from "../cli-io.ts";
import type { Place } from "../client-config.ts";
import type { Session } from "../session.ts";
import { checkSkew } from "./clock.ts";
import { error, type Finding, ok, warning } from "./finding.ts";
import type { Machine } from "./machine.ts";

/** Where Sluice listens unless it is told otherwise (docs/reference/config.md). */
const DEFAULT_PORTS = { gateway: "http://127.0.0.1:8080", api: "http://127.0.0.1:8081" };
const LOCAL = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** Files of a home that hold secrets, and that nobody else may read. */
const SECRET_FILES = ["config.json", "data/access-key.json", "sealing-key.json", "data/sluice.db"];

/** Who may read and write what the home holds. */
export function checkHome(machine: Machine, home: string): Finding[] {
  const folder = machine.stat(home);
  if (folder === null) {
    const isFree = machine.isWritable(dirname(home));
    if (isFree) return [ok("home", `${home} is not there yet; sluice serve makes it`)];
    return [error("home", `${home} is not there, and cannot be made`, `mkdir -p ${home}`)];
  }
  if (!machine.isWritable(home))
    return [error("home", `${home} cannot be written by this user`, `sudo chown -R $(id -un) ${home}`)];
  const found = SECRET_FILES.flatMap((name): Finding[] => {
    const path = join(home, name);
    const stat = machine.stat(path);
    if (stat === null) return [];
    if (machine.uid !== 0 && stat.uid !== machine.uid)
      return [error("home", `${path} belongs to somebody else`, `sudo chown $(id -un) ${path}`)];
    if ((stat.mode & 0o077) === 0) return [];
    return [warning("home", `${path} can be read by others (${stat.mode.toString(8)})`, `chmod 600 ${path}`)];
  });
  return found.length > 0 ? found : [ok("home", `${home}, and its secrets are ours alone`)];
}

/** Ports are ours already, or free to take. */
export async function checkPorts(machine: Machine, place: Place | null): Promise<Finding[]> {
  const gateway = place?.gateway ?? DEFAULT_PORTS.gateway;
  const api = place?.address ?? DEFAULT_PORTS.api;
  return [
    await checkPort(machine, "gateway port", gateway, "--port", async () => {
      const answer = await machine.get(`${gateway}/api/predict/`);
      return answer?.header("x-sluice-reason") != null;
    }),
    await checkPort(machine, "api port", api, "--api-port", async () => {
      const answer = await machine.get(`${api}/healthz`);
      return answer?.status === 200;
    }),
  ];
}

async function checkPort(
  machine: Machine,
  name: string,
  address: string,
  flag: string,
  isOurs: () => Promise<boolean>,
): Promise<Finding> {
  const { hostname, port, host } = new URL(address);
  if (!LOCAL.has(hostname)) return ok(name, `${host} is on another machine`);
  if (await isOurs()) return ok(name, `${host} is Sluice's`);
  if (await machine.canListen(hostname.replace(/[[\]]/g, ""), Number(port)))
    return ok(name, `${host} is free: no server runs there now`);
  return error(
    name,
    `${host} is somebody else's`,
    `ss -ltnp 'sport = :${port}'   (who it is)`,
    `sluice serve ${flag} <n>`,
  );
}

/** Does the server answer, does it take the key, is it of this version, and does its clock agree? */
export async function checkServer(machine: Machine, session: Session): Promise<Finding[]> {
  const { client } = session;
  const health = await machine.get(`${client.address}/healthz`);
  if (health === null)
    return [warning("server", `${client.address} does not answer`, "sluice serve", "sluice config show")];
  const found: Finding[] = [];
  try {
    const { Regions } = await client.call("DescribeRegions", {});
    found.push(ok("server", `${client.address} takes the key; region ${Regions[0]?.RegionId}`));
  } catch (failure) {
    const isRefusal = failure instanceof ApiError;
    const text = isRefusal ? `${client.address}: ${failure.code}: ${failure.message}` : String(failure);
    found.push(error("server", text, "sluice config -k -   (reads the key from standard input)"));
  }
  found.push(await checkVersion(session), checkSkew(machine.now(), health.header("date")));
  return found;
}

async function checkVersion(session: Session): Promise<Finding> {
  const own = session.about.version;
  try {
    const document = (await session.client.call("DescribeOpenApi", {})) as unknown as {
      readonly info?: { readonly version?: string };
    };
    const server = document.info?.version ?? "unknown";
    if (server === own) return ok("version", `${own}, as the server's`);
    return warning(
      "version",
      `${own} here, ${server} there`,
      "restart sluice serve with this version; no request is lost",
    );
  } catch (failure) {
    if (!(failure instanceof Error)) throw failure;
    return warning("version", `the server's is not known: ${failure.message}`);
  }
}

/** The client's file says where to go. */
export function checkConfig(session: Session): { readonly finding: Finding; readonly place: Place | null } {
  const path = session.configPath;
  try {
    const place = session.place();
    if (place !== null) return { place, finding: ok("config", `${path} names ${place.address}`) };
    const { endpoint, key } = session.options;
    if (endpoint !== undefined && key !== undefined)
      return { place, finding: ok("config", "-e and -k say where to go") };
    const fixes = ["sluice serve", "sluice config -e <address> -k -"];
    return { place, finding: warning("config", `there is no ${path} yet`, ...fixes) };
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure;
    return { place: null, finding: error("config", failure.message, `mend or remove ${path}`) };
  }
}
