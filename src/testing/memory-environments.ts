import type { KeptEnvironment, PythonEnvironments, WantedEnvironment } from "../ports/environments.ts";
import { FetchError } from "../ports/files.ts";

/** Environments that are made at once, unless a test makes them fail; their address is what they have. */
export class MemoryEnvironments implements PythonEnvironments {
  readonly bytesMax = 1000;
  /** By address. */
  readonly kept = new Map<string, KeptEnvironment>();
  readonly broken = new Map<string, string>();
  readonly inUse = new Set<string>();
  /** Those that are not done before a test says so. */
  readonly held = new Map<string, PromiseWithResolvers<void>>();

  async prepare(
    wanted: WantedEnvironment,
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<string> {
    const address = await this.addressOf(wanted);
    onProgress(`Installing Python packages: collecting ${address}`);
    const held = this.held.get(address);
    if (held !== undefined) {
      const ended = Promise.withResolvers<never>();
      signal.addEventListener("abort", () => ended.reject(signal.reason), { once: true });
      await Promise.race([held.promise, ended.promise]);
    }
    const broken = this.broken.get(address);
    if (broken !== undefined) throw new FetchError(broken, true);
    const folder = `/environments/${address}`;
    const requirements = [...wanted.lines];
    this.kept.set(address, {
      address,
      folder,
      python: "3.11.7",
      base: "/usr/bin/python3",
      requirements,
      packages: requirements.map((line) => line.replace("==", " ")),
      bytes: 7,
      usedAtMs: Date.UTC(2026, 0, 2),
    });
    return folder;
  }

  async addressOf({ lines, file }: WantedEnvironment): Promise<string> {
    return [...lines, ...(file === null ? [] : [file])].join(",");
  }

  async list(): Promise<readonly KeptEnvironment[]> {
    return [...this.kept.values()];
  }

  async remove(address: string): Promise<"removed" | "in-use" | "not-found"> {
    if (!this.kept.has(address)) return "not-found";
    if (this.inUse.has(address)) return "in-use";
    this.kept.delete(address);
    return "removed";
  }
}
