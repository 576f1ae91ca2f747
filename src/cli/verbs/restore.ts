import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import type { ResponseOf } from "../../api/operations.ts";
import { EXIT, Failure } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";

/** Longest text of a backup: what the API takes. */
const TEXT_BYTES_MAX = 256 * 1024 * 1024;
const GZIP_MAGIC = [0x1f, 0x8b];
const SIGNS = { created: "+", changed: "~", removed: "-" } as const;

export const run: VerbRun = async (session, [file], options) => {
  const body = textOf(resolve(session.io.cwd, file!));
  const plan = await session.client.call("RestoreBackup", { query: { Plan: true }, body });
  if (options.plan === true || plan.ChangeCount === 0) {
    session.show(plan, () => planText(plan));
    if (plan.ChangeCount === 0) session.ok(`All is as it was at ${plan.MadeTime}; nothing to do`);
    return EXIT.done;
  }
  if (!session.isJson) session.io.out(planText(plan));
  const question = `Bring ${plan.ChangeCount} services and groups back to ${plan.MadeTime}? [y/N] `;
  if (!(await session.confirm(question))) return session.declined();
  const answer = await session.client.call("RestoreBackup", { body });
  session.show(answer);
  session.ok(
    `What is wanted is as it was at ${answer.MadeTime}: ${answer.ChangeCount} changes. Instances follow; look with: sluice ls`,
  );
  return EXIT.done;
};

function textOf(path: string): string {
  try {
    const bytes = readFileSync(path);
    const isGzip = GZIP_MAGIC.every((byte, at) => bytes[at] === byte);
    return (isGzip ? gunzipSync(bytes, { maxOutputLength: TEXT_BYTES_MAX }) : bytes).toString("utf8");
  } catch (error) {
    throw new Failure(`cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function planText({ Services, Groups }: ResponseOf<"RestoreBackup">): string {
  const lines = (of: string, all: ResponseOf<"RestoreBackup">["Services"]) =>
    all.flatMap(({ Name, Outcome }) =>
      Outcome === "unchanged" ? [] : [`  ${SIGNS[Outcome]} ${of} ${Name}\n`],
    );
  return [...lines("group", Groups), ...lines("service", Services)].join("");
}
