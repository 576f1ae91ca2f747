import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { EXIT, Failure } from "../cli-io.ts";
import { readDocument } from "../document.ts";
import type { Session } from "../session.ts";
import type { VerbRun } from "../verb.ts";
import { waitOptions } from "../wait.ts";

/** Between two looks. */
const POLL_MS = 500;
const ID_CHARS = 12;

export const run: VerbRun = async (session, [file], options) => {
  const wait = waitOptions(options);
  const body = orderOf(session, file!);
  const ordered = await session.client.call("BuildEnvironment", { body });
  const { EnvironmentId } = ordered;
  if (wait === null) {
    session.show(ordered);
    session.ok(`Environment ${EnvironmentId.slice(0, ID_CHARS)} is ordered`);
    return EXIT.done;
  }
  const shown = new Set<string>();
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    const { RequestId, Environments, Builds } = await session.client.call("ListEnvironments", {});
    const build = Builds.find((b) => b.EnvironmentId === EnvironmentId);
    for (const line of build?.Progress ?? []) {
      if (!shown.has(line)) session.ok(line);
      shown.add(line);
    }
    const made = Environments.find((e) => e.EnvironmentId === EnvironmentId);
    if (made !== undefined) {
      session.show({ RequestId, ...made });
      for (const note of made.Notes) session.warn(note);
      session.ok(`Environment ${EnvironmentId.slice(0, ID_CHARS)} is ready: ${made.Packages.join(", ")}`);
      return EXIT.done;
    }
    if (build === undefined || build.Failure !== null) {
      session.error(build?.Failure ?? "somebody ended the making of the environment");
      return EXIT.failed;
    }
    if (waitedMs > wait.timeoutSeconds * 1000) {
      session.error(`It is not ready after ${wait.timeoutSeconds} s; it goes on: sluice env ls`);
      return EXIT.failed;
    }
    await session.io.sleep(POLL_MS);
  }
};

/** A service.json when it begins like one; else the lines of a requirements file. */
function orderOf(session: Session, file: string) {
  const path = resolve(session.io.cwd, file);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new Failure(`cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
  if (!text.trimStart().startsWith("{")) return { Requirements: text.split(/\r\n|\r|\n/) };
  const document = readDocument(file, session.client.address, session.io);
  try {
    return { Document: JSON.parse(document) as unknown };
  } catch (error) {
    throw new Failure(`${file} is not JSON: ${(error as Error).message}`, { cause: error });
  }
}
