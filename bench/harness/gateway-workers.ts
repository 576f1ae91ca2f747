import type { ChildProcess } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { AccessLogOptions, GatewayCommand, GatewayMessage } from "../../src/core/gateway-report.ts";
import { changeCommands, tableCommands } from "../../src/core/table-commands.ts";
import { routeChange } from "../../src/core/traffic/route-change.ts";
import type { RouteTable } from "../../src/core/traffic/route-table.ts";
import type { Side } from "./side.ts";
import { eventually, freePort, type Stage } from "./stage.ts";
import { WATCHED_FILE, type Watched } from "./watched.ts";

/** How a gateway's process is started. */
const SCRIPTS = {
  /** As `sluice serve` starts it. */
  worker: [join(import.meta.dirname, "..", "..", "src", "main.ts"), "gateway"],
  /** Accepted sockets are read by `data` events: the fallback. */
  dataEvents: [join(import.meta.dirname, "data-events-worker.ts")],
  /** Collects its garbage when it gets SIGUSR2. */
  collected: ["--expose-gc", join(import.meta.dirname, "collected-worker.ts")],
  /** Tells what held up its loop when it gets SIGUSR2. */
  watched: [join(import.meta.dirname, "watched-worker.ts")],
};

/** How workers are started. */
export interface WorkerOptions {
  /** Options of Node. */
  readonly nodeOptions?: readonly string[];
}

/** Copies of all mirrors, as the workers report them. */
export interface CopyCounts {
  readonly sent: number;
  readonly answered: number;
  readonly dropped: number;
}

/**
 * Gateway workers on one port, and in place of the control process this program: it sends tables and reads reports over each worker's
 * control socket (docs/internals/protocols.md).
 */
export class GatewayWorkers implements Side {
  readonly name: string;
  readonly port: number;
  readonly #workers: { readonly process: ChildProcess; readonly control: Socket; readonly dir: string }[] =
    [];
  #table: RouteTable | null = null;
  #acknowledged: number[] = [];
  #copies = { sent: 0, answered: 0, dropped: 0 };
  #refusal: string | null = null;

  private constructor(name: string, port: number) {
    this.name = name;
    this.port = port;
  }

  /** Starts them and gives them a table; they listen when this resolves. */
  static async start(
    stage: Stage,
    name: string,
    table: RouteTable,
    script: keyof typeof SCRIPTS = "worker",
    { nodeOptions = [] }: WorkerOptions = {},
  ): Promise<GatewayWorkers> {
    const gateway = new GatewayWorkers(name, await freePort());
    const count = table.workerCount ?? 1;
    for (let slot = 0; slot < count; slot++) {
      const dir = stage.folder("gateway");
      writeFileSync(
        join(dir, "gateway.json"),
        JSON.stringify({ host: "127.0.0.1", port: gateway.port, slot }),
      );
      const args = [...nodeOptions, ...SCRIPTS[script], "--dir", dir];
      const process = stage.start(globalThis.process.execPath, args);
      const control = await eventually(() => dial(join(dir, "control.sock")), "the gateway's control socket");
      stage.atEnd(() => control.destroy());
      gateway.#workers.push({ process, control, dir });
      gateway.#listen(control, slot);
    }
    await gateway.apply(table);
    return gateway;
  }

  pids(): readonly number[] {
    return this.#workers.map(({ process }) => process.pid!);
  }

  get copies(): CopyCounts {
    return this.#copies;
  }

  /** The table that was sent last. */
  get table(): RouteTable {
    return this.#table!;
  }

  /** Sends a table whole, and waits until each worker has it in force. */
  apply(table: RouteTable): Promise<void> {
    return this.take(table, linesOf(tableCommands(table)));
  }

  /** Sends only what is different from the table before. */
  change(table: RouteTable): Promise<void> {
    return this.take(table, linesOf(changeCommands(routeChange(this.#table!, table))));
  }

  /** Sends bytes that were made before and lead to this table: to make them can cost more than to take them in. */
  async take(table: RouteTable, bytes: Buffer): Promise<void> {
    this.#table = table;
    for (const { control } of this.#workers) control.write(bytes);
    await this.#inForce(table.number);
  }

  accessLog(file: string, options: AccessLogOptions): void {
    const bytes = linesOf([{ type: "access-log", file, ...options }]);
    for (const { control } of this.#workers) control.write(bytes);
  }

  /** For workers started as `collected`. */
  collect(): void {
    for (const { process } of this.#workers) process.kill("SIGUSR2");
  }

  /** For workers started as `watched`: what each one saw since the last call. */
  async watched(): Promise<Watched[]> {
    const files = this.#workers.map(({ dir }) => join(dir, WATCHED_FILE));
    for (const { process } of this.#workers) process.kill("SIGUSR2");
    const read = async (file: string) => {
      const seen = JSON.parse(readFileSync(file, "utf8")) as Watched;
      rmSync(file);
      return seen;
    };
    return Promise.all(files.map((file) => eventually(() => read(file), "what a worker saw of itself")));
  }

  async #inForce(number: number): Promise<void> {
    await eventually(async () => {
      const isEverywhere = this.#workers.every((_, slot) => (this.#acknowledged[slot] ?? 0) >= number);
      if (!isEverywhere && this.#refusal === null) throw new Error("not yet acknowledged");
    }, `table ${number} to be in force`);
    if (this.#refusal !== null) throw new Error(`${this.name} refused a table: ${this.#refusal}`);
  }

  #listen(control: Socket, slot: number): void {
    let text = "";
    control.on("error", () => {}); // it ends with its worker
    control.setEncoding("utf8").on("data", (part: string) => {
      const lines = (text + part).split("\n");
      text = lines.pop()!;
      for (const line of lines) this.#message(JSON.parse(line) as GatewayMessage, slot);
    });
  }

  #message(message: GatewayMessage, slot: number): void {
    if (message.type === "ack") this.#acknowledged[slot] = message.tableNumber;
    if (message.type === "nack") this.#refusal = message.reason;
    if (message.type !== "report") return;
    for (const { sent, answered, dropped } of message.mirrors ?? []) {
      this.#copies.sent += sent;
      this.#copies.answered += answered;
      this.#copies.dropped += Object.values(dropped).reduce((sum, count) => sum + count, 0);
    }
  }
}

/** Commands as they go over the control socket. */
export function linesOf(commands: readonly GatewayCommand[]): Buffer {
  return Buffer.from(commands.map((command) => `${JSON.stringify(command)}\n`).join(""));
}

function dial(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => resolve(socket));
    socket.once("error", reject);
  });
}
