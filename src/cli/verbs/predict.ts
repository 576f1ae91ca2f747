import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { ApiError, UnreachableError } from "../../api/client.ts";
import { type CliIo, EXIT, Failure, Misuse } from "../cli-io.ts";
import type { Session } from "../session.ts";
import { listOption, textOption, type VerbRun } from "../verb.ts";

interface Target {
  readonly address: string;
  readonly token: string;
}

export const run: VerbRun = async (session, [name], options) => {
  const headers = readHeaders(listOption(options, "header"));
  const data = textOption(options, "data");
  const body = data === undefined ? undefined : await readData(data, session.io);
  const target = await targetOf(session, name!, options.group === true);
  const rest = (textOption(options, "path") ?? "").replace(/^\/*(?=.)/, "/");
  const { status, text, answer } = await send(target, rest, headers, body);
  if (status >= 200 && status <= 299) {
    session.io.out(answer);
    // A prompt right behind a body without a line break is hard to read.
    if (session.io.isTerminal && answer.at(-1) !== 0x0a) session.io.out("\n");
    return EXIT.done;
  }
  session.error(text);
  if (answer.length > 0) session.io.err(`${new TextDecoder().decode(answer).trimEnd()}\n`);
  return EXIT.failed;
};

async function send(
  target: Target,
  rest: string,
  headers: Record<string, string>,
  body: Uint8Array | undefined,
) {
  const init: RequestInit = { headers: { authorization: target.token, ...headers } };
  if (body !== undefined) Object.assign(init, { method: "POST", body });
  try {
    const response = await fetch(target.address + rest, init);
    const reason = response.headers.get("x-sluice-reason");
    const who = reason === null ? ", answered by the processor" : ` (${reason})`;
    const text = `HTTP ${`${response.status} ${response.statusText}`.trim()}${who}`;
    return { status: response.status, text, answer: new Uint8Array(await response.arrayBuffer()) };
  } catch (error) {
    const cause = (error as Error).cause;
    throw new UnreachableError(target.address, cause instanceof Error ? cause.message : String(error), {
      cause: error,
    });
  }
}

/** A service, else a group; `group.service` is the service (eas-reference §3.1). */
async function targetOf(session: Session, name: string, isGroup: boolean): Promise<Target> {
  const ServiceName = name.includes(".") ? name.slice(name.indexOf(".") + 1) : name;
  const ClusterId = await session.region();
  try {
    if (!isGroup) {
      const path = await session.service(ServiceName);
      const service = await session.client.call("DescribeService", { path });
      return { address: service.InternetEndpoint!, token: service.AccessToken };
    }
  } catch (error) {
    if (!(error instanceof ApiError && error.code === "SERVICE_NOT_FOUND")) throw error;
  }
  try {
    const group = await session.client.call("DescribeGroup", { path: { ClusterId, GroupName: name } });
    return { address: group.InternetEndpoint, token: group.AccessToken };
  } catch (error) {
    const isNeither = !isGroup && error instanceof ApiError && error.code === "GROUP_NOT_FOUND";
    throw isNeither ? new Failure(`there is no service and no group named ${name}`) : error;
  }
}

async function readData(data: string, io: CliIo): Promise<Uint8Array> {
  if (!data.startsWith("@")) return new TextEncoder().encode(data);
  if (data === "@-") return io.readInput();
  try {
    return readFileSync(resolve(io.cwd, data.slice(1)));
  } catch (error) {
    throw new Failure(`cannot read ${data.slice(1)}: ${(error as Error).message}`, { cause: error });
  }
}

function readHeaders(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*)$/.exec(text);
      if (!match) throw new Misuse(`-H ${text}: write it as name: value`);
      return [match[1]!, match[2]!];
    }),
  );
}
