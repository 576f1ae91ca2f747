import type { ResponseOf } from "../../api/operations.ts";
import { EXIT } from "../cli-io.ts";
import { type Column, listTable } from "../table.ts";
import type { VerbRun } from "../verb.ts";

type Kind = ResponseOf<"DescribeMachineSpec">["InstanceMetas"][number];

const COLUMNS: readonly Column<Kind>[] = [
  { header: "INSTANCETYPE", cell: (k) => k.InstanceType },
  { header: "CPU", align: "right", cell: (k) => k.CPU },
  { header: "FREECPU", align: "right", cell: (k) => k.FreeCPU },
  { header: "MEMORY", align: "right", cell: (k) => `${k.Memory}G` },
  { header: "FREEMEMORY", align: "right", cell: (k) => `${k.FreeMemory}G` },
  { header: "GPU", align: "right", cell: (k) => k.GPUAmount },
  { header: "STOCK", cell: (k) => k.StockStatus },
];

/** `instances`: in eascmd the list of instance types, which is what it is here: the kinds of node that instances run on. */
export const run: VerbRun = async (session) => {
  const answer = await session.client.call("DescribeMachineSpec", {});
  session.show(answer, () => listTable(COLUMNS, answer.InstanceMetas));
  return EXIT.done;
};
