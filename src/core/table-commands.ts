import type { GatewayCommand } from "./gateway-report.ts";
import type { RouteChange, RouteTable } from "./traffic/route-table.ts";
import { PART_ITEMS_MAX, partsOfChange, partsOfTable, type TablePart } from "./traffic/table-parts.ts";

/** What a gateway is sent to take this table: one command, or several in order when it has more than so many items. */
export function tableCommands(table: RouteTable, itemsMax = PART_ITEMS_MAX): GatewayCommand[] {
  const parts = partsOfTable(table, itemsMax);
  if (parts.length === 1) return [{ type: "table", table }];
  const { number, workerCount } = table;
  return framed(
    { type: "begin", of: "table", number, ...(workerCount === undefined ? {} : { workerCount }) },
    parts,
  );
}

/** The same for a change. */
export function changeCommands(change: RouteChange, itemsMax = PART_ITEMS_MAX): GatewayCommand[] {
  const parts = partsOfChange(change, itemsMax);
  if (parts.length === 1) return [{ type: "change", change }];
  const { base, number } = change;
  return framed({ type: "begin", of: "change", number, base }, parts);
}

function framed(
  begin: Extract<GatewayCommand, { type: "begin" }>,
  parts: readonly TablePart[],
): GatewayCommand[] {
  const between = parts.map((part) => ({ type: "part", part }) as const);
  return [begin, ...between, { type: "end", number: begin.number }];
}
