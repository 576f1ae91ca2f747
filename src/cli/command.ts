import type { ResponseOf } from "../api/operations.ts";
import { EXIT, type ExitCode } from "./cli-io.ts";
import type { Session } from "./session.ts";
import type { VerbOptions } from "./verb.ts";
import {
  type ServicePath,
  waitOptions,
  waitUntilDeleted,
  waitUntilRunning,
  waitUntilStopped,
} from "./wait.ts";

const WAITS = { running: waitUntilRunning, stopped: waitUntilStopped, deleted: waitUntilDeleted };

/** Gives one command on a service, tells that it was accepted, and waits for what it leads to. */
export async function commandAndWait(
  session: Session,
  service: string,
  options: VerbOptions,
  end: keyof typeof WAITS,
  send: (path: ServicePath) => Promise<ResponseOf<"ScaleService">>,
): Promise<ExitCode> {
  const wait = waitOptions(options);
  const path = await session.service(service);
  const answer = await send(path);
  session.show(answer);
  session.ok(answer.Message);
  return wait ? WAITS[end](session, path, { ...wait, generation: answer.Generation }) : EXIT.done;
}
