import type { ResponseOf } from "../../api/operations.ts";
import { EXIT, Misuse } from "../cli-io.ts";
import { readDocument } from "../document.ts";
import { problemLines } from "../problems.ts";
import type { Session } from "../session.ts";
import { textOption, type VerbRun } from "../verb.ts";

type Report = ResponseOf<"ValidateService">;

export const run: VerbRun = async (session, [file], options) => {
  const service = textOption(options, "service");
  if (options.replace === true && service === undefined)
    throw new Misuse("--replace is for a service that is there: name it with --service");
  const { client } = session;
  const query =
    service === undefined
      ? {}
      : {
          ServiceName: (await session.service(service)).ServiceName,
          UpdateType: options.replace === true ? ("replace" as const) : ("merge" as const),
        };
  const missing: string[] = [];
  const body = readDocument(file!, client.address, session.io, (text) => missing.push(text));
  const answer = await client.call("ValidateService", { query, body });
  session.show(answer, () => reportText(session, answer, options.all === true));
  for (const text of missing) session.error(text);
  if (!answer.Valid) {
    const { length } = answer.Problems;
    const problems = `${length} ${length === 1 ? "problem" : "problems"}`;
    const why =
      length === 0
        ? answer.Refusal!.Message
        : `${problems}${session.isJson ? "" : `\n${problemLines(answer.Problems)}`}`;
    session.error(`${file} would be refused: ${why}`);
    return EXIT.failed;
  }
  const idle = answer.Fields.filter((field) => field.Standing !== "effective");
  for (const { Path, Reason } of idle) session.warn(`${Path} has no effect here: ${Reason}`);
  if (answer.Exists) {
    session.warn("there is a service of this name: create would refuse the file; --service checks an update");
  }
  const count = answer.Fields.length - idle.length;
  if (missing.length === 0)
    session.ok(`${file} is valid: ${count} of ${answer.Fields.length} fields have an effect here`);
  return missing.length > 0 || (options.strict === true && idle.length > 0) ? EXIT.failed : EXIT.done;
};

function reportText(session: Session, { Valid, Fields, Defaults, Plan }: Report, isAll: boolean): string {
  if (!Valid) return "";
  const rows = [
    ...Fields.map(({ Path, Standing }) => ({
      Path,
      Standing: Standing === "effective" ? "effective" : "no effect",
    })),
    ...(isAll ? Defaults.map(({ Path, Value }) => ({ Path, Standing: `default ${Value}` })) : []),
  ];
  const table = session.list<(typeof rows)[number]>(
    [
      { header: "FIELD", cell: (row) => row.Path },
      { header: "STANDING", cell: (row) => row.Standing },
    ],
    rows,
  );
  const steps = (Plan?.Steps ?? []).map((step) => `  - ${step}\n`).join("");
  return Plan === undefined ? table : `${table}Update: ${Plan.Change}\n${steps}`;
}
