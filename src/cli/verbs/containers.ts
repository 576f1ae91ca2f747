import type { ResponseOf } from "../../api/operations.ts";
import { EXIT } from "../cli-io.ts";
import { type Column, listTable } from "../table.ts";
import type { VerbRun } from "../verb.ts";

type Container = ResponseOf<"ListServiceContainers">["Containers"][number];

const COLUMNS: readonly Column<Container>[] = [
  { header: "NAME", cell: (c) => c.Name },
  { header: "STATUS", cell: (c) => c.CurrentStatus },
  { header: "READY", cell: (c) => String(c.Ready) },
  { header: "PORT", align: "right", cell: (c) => c.Port },
  { header: "RESTARTS", align: "right", cell: (c) => c.RestartCount },
  { header: "SINCE", cell: (c) => c.CurrentTimestamp },
  { header: "REASON", cell: (c) => c.CurrentReaon },
  {
    header: "LASTSTATUS",
    cell: (c) => [c.LastStatus, c.LastReason].filter((word) => word !== "").join(": "),
  },
  { header: "LASTEND", cell: (c) => c.LastTimestamp },
];

/** `containers <service> <instance>` */
export const run: VerbRun = async (session, [service, instance]) => {
  const path = { ...(await session.service(service!)), InstanceName: instance! };
  const answer = await session.client.call("ListServiceContainers", { path });
  session.show(answer, () => listTable(COLUMNS, answer.Containers));
  return EXIT.done;
};
