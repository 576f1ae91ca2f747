import type { Instance } from "../../api/objects.ts";
import { EXIT } from "../cli-io.ts";
import { type Column, listTable } from "../table.ts";
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

/** How its last run ended; the message of it is left to `--output json`, for it may be long. */
function lastState({ exitCode, finishedAt, reason, startedAt }: Instance["LastState"][number]): string {
  return JSON.stringify({ exitCode, finishedAt, reason, startedAt });
}

export const run: VerbRun = async (session, [service]) => {
  const path = await session.service(service!);
  const answer = await session.client.call("ListServiceInstances", { path, query: { PageSize: 1000 } });
  session.show(answer, () => listTable(COLUMNS, answer.Instances));
  return EXIT.done;
};
