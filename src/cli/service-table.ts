import type { Service } from "../api/objects.ts";
import { type Column, listTable } from "./table.ts";

/** Names stand in 25 columns at least, as in the seeds' listing (000 and 001). */
const NAME_WIDTH = 25;

const COLUMNS: readonly Column<Service>[] = [
  { header: "SERVICENAME", minWidth: NAME_WIDTH, cell: (s) => s.ServiceName },
  { header: "INSTANCE", align: "right", cell: (s) => s.TotalInstance },
  { header: "CPU", align: "right", cell: (s) => s.Cores },
  { header: "MEMORY", cell: (s) => `${s.Memory}M` },
  { header: "CREATETIME", cell: (s) => s.CreateTime },
  { header: "UPDATETIME", cell: (s) => s.UpdateTime },
  { header: "STATUS", cell: (s) => s.Status },
  { header: "WEIGHT", align: "right", cell: (s) => s.Weight },
  { header: "TRAFFICSTATE", cell: (s) => s.TrafficState },
  { header: "SERVICEGROUP", minWidth: NAME_WIDTH, cell: (s) => s.ServiceGroup },
];

/** The table of `ls`, as the seeds print it. */
export const serviceTable = (services: readonly Service[], screen: number | null = null): string =>
  listTable(COLUMNS, services, screen);
