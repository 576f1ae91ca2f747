import { join } from "node:path";
import type { Side } from "../harness/side.ts";
import { freePort, type Stage } from "../harness/stage.ts";
import { type PeerJob, processSide } from "./peer.ts";

/** `node:http` with undici at the full job. */
export async function startUndici(stage: Stage, job: PeerJob): Promise<Side> {
  const port = await freePort();
  const script = join(import.meta.dirname, "undici-proxy.ts");
  const child = stage.start(process.execPath, [script, String(port), job.upstream]);
  return processSide("node:http + undici", port, child);
}
