import { EXIT } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";
import { waitOptions } from "../wait.ts";

/** A new worker is up in some 300 ms. */
const POLL_MS = 100;

export const run: VerbRun = async (session, _, options) => {
  const wait = waitOptions(options);
  const listening = async () =>
    (await session.client.call("ListGatewayWorkers", {})).Gateways.filter((g) => g.IsListening);
  const old = new Set((await listening()).map((g) => g.Pid));
  session.show(await session.client.call("RestartGatewayWorkers", {}));
  session.ok(`Gateway workers are being replaced: ${old.size}`);
  if (wait === null) return EXIT.done;
  const endMs = session.io.monotonic() + wait.timeoutSeconds * 1000;
  const told = new Set<number | null>();
  for (;;) {
    const fresh = (await listening()).filter((g) => !old.has(g.Pid));
    for (const { GatewayId, Pid } of fresh.filter((g) => !told.has(g.Pid))) {
      told.add(Pid);
      session.ok(`${GatewayId} serves (pid ${Pid}): ${told.size} of ${old.size}`);
    }
    if (fresh.length >= old.size) break;
    if (session.io.monotonic() > endMs) {
      session.error(
        `${fresh.length} of ${old.size} new gateway workers listen after ${wait.timeoutSeconds} s; the old ones go on`,
      );
      return EXIT.failed;
    }
    await session.io.sleep(POLL_MS);
  }
  session.ok("New gateway workers serve; the old ones finish what they have");
  return EXIT.done;
};
