import type { Instance } from "../../api/objects.ts";
import { EXIT } from "../cli-io.ts";
import type { Column } from "../table.ts";
import type { VerbRun } from "../verb.ts";

/** Columns of eas-reference §2.1. */
const COLUMNS: readonly Column<Instance>[] = [
  { header: "INSTANCENAME", cell: (i) => i.InstanceName },
  { header: "INNERIP", cell: (i) => i.InnerIP },
  { header: "HOSTIP", cell: (i) => i.HostIP },
  { header: "STARTAT", cell: (i) => i.StartAt },
  { header: "RESTARTS", align: "right", cell: (i) => i.RestartCount },
  { header: "STATUS", cell: (i) => i.Status },
  { header: "READY", cell: (i) => `[${i.ReadyProcesses}/${i.TotalProcesses}]` },
  { header: "REASON", cell: reasonOf },
  { header: "LASTSTATE", cell: (i) => i.LastState.map(lastState).join(" ") },
];

/** `Loading: 43 % of the weights`; a message that begins with the reason says it all. */
function reasonOf({ Reason, Message }: Instance): string {
  if (Message.toLowerCase().startsWith(Reason.toLowerCase())) return Message;
  return Message === "" ? Reason : `${Reason}: ${Message}`;
}

/** How its last run ended, in the fields that EAS has. */
function lastState({ exitCode, finishedAt, reason, startedAt }: Instance["LastState"][number]): string {
  return JSON.stringify({ exitCode, finishedAt, reason, startedAt });
}

/** What those printed at last that are not ready after a run that ended: below the table, for it says why. */
function lastWords(instances: readonly Instance[]): string {
  const lines = instances.flatMap(({ InstanceName, ReadyProcesses, LastState: [last] }) => {
    if (ReadyProcesses > 0 || last === undefined || last.lastLines.length === 0) return [];
    const title = `Last lines of ${InstanceName} before it ended (${last.reason}, ${last.finishedAt}):`;
    return [title, ...last.lastLines.map((line) => `  ${line}`)];
  });
  return lines.map((line) => `${line}\n`).join("");
}

export const run: VerbRun = async (session, [service]) => {
  const path = await session.service(service!);
  const answer = await session.client.call("ListServiceInstances", { path, query: { PageSize: 1000 } });
  session.show(answer, () => session.list(COLUMNS, answer.Instances) + lastWords(answer.Instances));
  return EXIT.done;
};
