import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { dirname, join } from "node:path";
import type { HangWatch } from "./hang-watch.ts";
import type { WarmUp } from "./warm-up.ts";
import type { Worker } from "./worker.ts";

/** Where the workers of an instance stand: each place has one after the other, and a socket of its own at which it connects. */
export class WorkerPlace {
  readonly index: number;
  readonly socketPath: string;
  worker: Worker | null = null;
  /** Of the worker that has loaded and is not ready yet. */
  warmUp: WarmUp | null = null;
  /** Made when it is first needed. */
  hang: HangWatch | null = null;
  #server: Server | null = null;

  /** @param mainPath the socket of the instance's first place, `worker.sock`; others stand beside it as `worker.s1`, … */
  constructor(index: number, mainPath: string) {
    this.index = index;
    this.socketPath = index === 0 ? mainPath : join(dirname(mainPath), `worker.s${index}`);
  }

  /** Listens, if it does not yet; a connection of a worker that is not awaited is closed. */
  async listen(connected: (worker: Worker, socket: Socket) => void): Promise<void> {
    if (this.#server !== null) return;
    rmSync(this.socketPath, { force: true });
    const server = createServer((socket) => {
      const { worker } = this;
      if (worker === null || worker.isConnected) socket.destroy();
      else connected(worker, socket);
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.socketPath, resolve);
    });
  }

  endWarmUp(): void {
    this.warmUp?.cancel();
    this.warmUp = null;
  }

  close(): void {
    this.hang?.clear();
    this.endWarmUp();
    this.#server?.close();
    this.#server = null;
  }
}
