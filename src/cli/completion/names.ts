import type { CliIo } from "../cli-io.ts";
import { profilesOf, readConfig } from "../client-config.ts";
import { type GlobalOptions, Session } from "../session.ts";

/** What the API, or the client's file, knows names of. */
export type NameKind = "service" | "group" | "service-or-group" | "instance" | "version" | "profile";

/** Whoever pressed Tab waits for it, and may have meant nothing by it. */
export const NAMES_MS_MAX = 1000;
/** More help nobody. */
const NAMES_MAX = 200;

/**
 * Names that may be meant; none when the API does not answer in a moment, refuses, or when there is no configuration: somebody is
 * typing, and wants no error.
 */
export async function lookUpNames(
  io: CliIo,
  kind: NameKind,
  begin: string,
  args: readonly string[],
  globals: GlobalOptions,
): Promise<readonly string[]> {
  const quiet: CliIo = { ...io, err: () => undefined, readInput: async () => new Uint8Array() };
  const limit = AbortSignal.timeout(NAMES_MS_MAX);
  try {
    const session = await Session.open(quiet, globals, { version: "", node: "" });
    if (kind === "profile") return profilesOf(readConfig(session.configPath) ?? {}).map((p) => p.name);
    return (await ask(session, kind, begin, args, limit)).slice(0, NAMES_MAX);
  } catch {
    return [];
  }
}

async function ask(
  session: Session,
  kind: Exclude<NameKind, "profile">,
  begin: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const { client } = session;
  const query = { Filter: begin, PageSize: NAMES_MAX };
  const services = async () =>
    (await client.call("ListServices", { query, signal })).Services.map((s) => s.ServiceName);
  const groups = async () => (await client.call("ListGroups", { query, signal })).Groups.map((g) => g.Name);
  switch (kind) {
    case "service":
      return services();
    case "group":
      return groups();
    case "service-or-group":
      return [...(await services()), ...(await groups())];
    case "instance": {
      const path = await pathOf(session, args, signal);
      const { Instances } = await client.call("ListServiceInstances", { path, query, signal });
      return Instances.map((i) => i.InstanceName);
    }
    case "version": {
      const path = await pathOf(session, args, signal);
      const { Versions } = await client.call("ListServiceVersions", { path, signal });
      return Versions.map((v) => String(v.Version));
    }
  }
}

/** The service that was named before. The region is asked for under the same limit, where the file does not tell it. */
async function pathOf(session: Session, [service]: readonly string[], signal: AbortSignal) {
  const late = new Promise<never>((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true }),
  );
  return Promise.race([session.service(service ?? ""), late]);
}
