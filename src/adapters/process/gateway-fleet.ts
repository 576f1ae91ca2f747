import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { writeFileAtomic } from "../../base/atomic-file.ts";
import { isSameProcess } from "../../base/process-identity.ts";
import type { GatewayCommand, GatewayMessage, SuccessorOrder } from "../../core/gateway-report.ts";
import type { GatewayId } from "../../core/names.ts";
import { changeCommands, tableCommands } from "../../core/table-commands.ts";
import type { GatewayFleet, GatewayLaunch, GatewayLink, GatewayProcess } from "../../ports/gateways.ts";
import { endProcess } from "./end.ts";
import { launch } from "./launch.ts";
import { connectLines } from "./line-link.ts";
import { checkSocketRoom, folderOf, readJson, readOwner } from "./run-folder.ts";
import { newLaunchId } from "./successor.ts";
import { Turns } from "./turns.ts";

/** How often the end of a gateway that ends by itself is looked for. */
const END_POLL_MS = 100;

export interface ProcessGatewayFleetOptions {
  /** `$SLUICE_HOME/run`. */
  readonly runDir: string;
  /** `$SLUICE_HOME/logs`. */
  readonly logDir: string;
  /** The command line that runs the gateway of one folder; gateway.json in it says host and port. */
  readonly gatewayCommand: (folder: string) => readonly string[];
}

/** Gateway workers as detached processes on this machine, found again by the run directory. */
export class ProcessGatewayFleet implements GatewayFleet {
  readonly #options: ProcessGatewayFleetOptions;
  readonly #parent: string;
  readonly #turns = new Turns();

  /** @throws Error when the run directory's path is too long for unix sockets, or cannot be made */
  constructor(options: ProcessGatewayFleetOptions) {
    this.#options = options;
    this.#parent = join(options.runDir, "gateways");
    checkSocketRoom(this.#parent);
    mkdirSync(this.#parent, { recursive: true, mode: 0o700 });
  }

  async list(): Promise<readonly GatewayProcess[]> {
    return readdirSync(this.#parent)
      .toSorted()
      .map((name) => this.#report(join(this.#parent, name)))
      .filter((gateway) => gateway !== null);
  }

  start(gateway: GatewayLaunch): Promise<void> {
    return this.#turns.take(gateway.id, async () => {
      const folder = folderOf(this.#parent, gateway.id);
      const owner = readOwner(folder);
      if (owner !== null && isSameProcess(owner)) return;
      await writeLaunch(folder, gateway, {});
      const command = this.#options.gatewayCommand(folder);
      await launch({ folder, logFile: this.#logFile(gateway.id), command });
    });
  }

  async ended(id: GatewayId, patienceMs: number, signal: AbortSignal): Promise<void> {
    const owner = readOwner(folderOf(this.#parent, id));
    const end = performance.now() + patienceMs;
    while (owner !== null && isSameProcess(owner) && performance.now() < end)
      await delay(END_POLL_MS, undefined, { signal });
  }

  /** Makes the folder of `gateway` ready for it, to be started by another one. */
  #order(gateway: GatewayLaunch): Promise<SuccessorOrder> {
    return this.#turns.take(gateway.id, async () => {
      const { id } = gateway;
      const folder = folderOf(this.#parent, id);
      const launchId = newLaunchId();
      rmSync(join(folder, "process.json"), { force: true });
      await writeLaunch(folder, gateway, { launchId });
      return {
        id,
        folder,
        launchId,
        command: this.#options.gatewayCommand(folder),
        env: process.env as Record<string, string>,
        cwd: process.cwd(),
        logFile: this.#logFile(id),
      };
    });
  }

  #logFile(id: GatewayId): string {
    return join(this.#options.logDir, `${id}.log`);
  }

  stop(id: GatewayId, graceMs: number, signal: AbortSignal): Promise<void> {
    return this.#turns.take(id, async () => {
      signal.throwIfAborted();
      const folder = folderOf(this.#parent, id);
      const owner = readOwner(folder);
      if (owner !== null) await endProcess(owner, folder, graceMs, signal);
      rmSync(folder, { recursive: true, force: true });
    });
  }

  async connect(
    id: GatewayId,
    onMessage: (message: GatewayMessage) => void,
    onClose: () => void,
  ): Promise<GatewayLink> {
    const path = join(folderOf(this.#parent, id), "control.sock");
    // The gateway is ours and of the same build (protocols.md): its lines are taken at their word.
    const link = await connectLines(path, (value) => onMessage(value as GatewayMessage), onClose);
    return {
      sendTable: (table) => {
        for (const command of tableCommands(table)) link.send(command);
      },
      sendAccessLog: (options) => {
        const file = join(this.#options.logDir, `access-${id}.log`);
        link.send({ type: "access-log", file, ...options } satisfies GatewayCommand);
      },
      sendChange: (change) => {
        for (const command of changeCommands(change)) link.send(command);
      },
      startSuccessor: async (successor) => {
        const order = await this.#order(successor);
        link.send({ type: "start-successor", order } satisfies GatewayCommand);
      },
      sendDrain: () => link.send({ type: "drain" } satisfies GatewayCommand),
      close: () => link.close(),
    };
  }

  #report(folder: string): GatewayProcess | null {
    const launched = readJson<GatewayLaunch>(join(folder, "gateway.json"));
    if (launched === null) return null;
    const { id, host, port, tls = null } = launched; // one of an older Sluice knows no TLS
    const owner = readOwner(folder);
    const isAlive = owner === null ? this.#turns.isTaken(id) : isSameProcess(owner);
    return { id, host, port, tls, pid: isAlive ? (owner?.pid ?? null) : null, isAlive };
  }
}

/** Says how the process of a folder is started; `more` stands beside it in gateway.json. */
async function writeLaunch(
  folder: string,
  launch: GatewayLaunch,
  more: { launchId?: string },
): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { id, host, port, tls } = launch;
  // The names of one slot differ in a letter at their end.
  const slot = Number(/-(\d+)[a-z]?$/.exec(id)?.[1] ?? 0);
  const text = JSON.stringify({ id, host, port, slot, tls, ...more });
  await writeFileAtomic(join(folder, "gateway.json"), text, 0o600);
}
