import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { http, Installation, ROOT } from "./installation.ts";
import { until } from "./until.ts";

/** A further control process on the home of an installation, with an API port of its own. */
export interface Member {
  readonly child: ChildProcess;
  /** All that it printed. */
  readonly output: () => string;
}

/** One installation whose control processes share a database: started, ended, and found by what they print. */
export class ControlPair {
  readonly sluice: Installation;
  readonly members: Member[] = [];
  readonly #url: () => string;

  /** `url`: where the database is for the next member. */
  constructor(url: () => string, gatewayWorkers = 1) {
    this.sluice = new Installation({ gatewayWorkers });
    this.#url = url;
  }

  /** Starts one; it waits for nothing. */
  start(url = this.#url(), gatewayPort = "0", flags: readonly string[] = []): Member {
    const { sluice } = this;
    const args = ["serve", "--home", sluice.home, "--port", gatewayPort, "--api-port", "0"];
    const child = spawn(
      join(ROOT, "bin", "sluice"),
      [...args, "--gateway-workers", `${sluice.gatewayWorkers}`, ...flags],
      {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...sluice.env(), SLUICE_STORE: url },
      },
    );
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += String(chunk)));
    const member = { child, output: () => said };
    this.members.push(member);
    return member;
  }

  async untilSays(member: Member, text: string | RegExp, from = 0): Promise<void> {
    await until(
      () => {
        const said = member.output().slice(from);
        if (typeof text === "string" ? said.includes(text) : text.test(said)) return true;
        assert(member.child.exitCode === null, `sluice serve ended: ${member.output()}`);
        return false;
      },
      `sluice serve to say ${text}`,
      60_000,
      member.output,
    );
  }

  async untilGone({ child, output }: Member): Promise<void> {
    await until(
      () => child.exitCode !== null || child.signalCode !== null,
      "sluice serve to end",
      60_000,
      output,
    );
  }

  /** The address of a member's own API. */
  addressOf(member: Member): string {
    const found = [...member.output().matchAll(/control API +(http:\S+)/g)].at(-1)?.[1];
    assert(found !== undefined, member.output());
    return found;
  }

  api(member: Member, method: string, path: string) {
    const headers = { authorization: `Bearer ${this.sluice.clientConfig().key}` };
    return http(`${this.addressOf(member)}${path}`, { method, headers });
  }

  /** Ends all, with all that they started. */
  async stop(): Promise<void> {
    for (const { child } of this.members) if (child.exitCode === null) child.kill("SIGKILL");
    for (const member of this.members) await this.untilGone(member);
    await this.sluice.stop();
  }
}
