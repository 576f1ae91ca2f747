import { readFileSync, readlinkSync, realpathSync } from "node:fs";
import { hostname } from "node:os";
import type { PostgresInstallation } from "../adapters/store-postgres/open.ts";
import { systemClock } from "../adapters/system/clock.ts";

/** Said to the person who started it, without a stack; never with the address, which may hold a password. */
export class BadDatabase extends Error {
  override readonly name = "BadDatabase";
}

/** The form that `ps` would show to everybody. */
export function hasPassword(address: string): boolean {
  return /^postgres(ql)?:\/\/[^@]*:[^@]*@/.test(address);
}

/**
 * The database that `--store` or SLUICE_STORE names. Takes what is secret out of the environment, which instances and gateways inherit.
 * @throws BadDatabase
 */
export async function openDatabase(
  store: string,
  home: string,
  env: NodeJS.ProcessEnv,
): Promise<PostgresInstallation> {
  const password = env.PGPASSWORD ?? "";
  delete env.SLUICE_STORE;
  delete env.PGPASSWORD;
  // Only who uses it pays for loading the driver.
  const { postgresInstallation } = await import("../adapters/store-postgres/open.ts");
  try {
    const url = store.startsWith("file:") ? lineOf(store.slice("file:".length)) : store;
    return postgresInstallation({ url, password, clock: systemClock, place: placeOf(home) });
  } catch (error) {
    throw new BadDatabase(`--store: ${(error as Error).message}`, { cause: error });
  }
}

function lineOf(path: string): string {
  try {
    return readFileSync(path.replace(/^\/\/(?=\/)/, ""), "utf8").trim();
  } catch (error) {
    throw new Error(`the file with the address cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Home, machine since its last start, and the name space of processes in it: where run files mean the same processes. */
function placeOf(home: string): string {
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  const processes = readlinkSync("/proc/self/ns/pid");
  return `${realpathSync(home)} on ${hostname()} (${boot.slice(0, 8)}, ${processes})`;
}
