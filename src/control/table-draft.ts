import type { DesiredState } from "../core/service.ts";
import type { RouteTable } from "../core/traffic/route-table.ts";
import { buildRouteTable, withKept } from "../core/traffic/table.ts";
import type { Known } from "./known.ts";

/** For a service whose stored document cannot be read any more. */
const KEEPALIVE_FALLBACK_MS = 5_000;

/** The table for what is known now, without a number; what is as in the table `before` is the very same there. */
export function draftTable(
  known: Known,
  state: DesiredState,
  { workerCount, before }: { readonly workerCount: number; readonly before: RouteTable | null },
): RouteTable {
  const built = buildRouteTable(
    {
      state,
      statuses: known.statuses,
      places: known.places,
      keepaliveMs: (r) => known.specOf(r)?.rpc.keepaliveMs ?? KEEPALIVE_FALLBACK_MS,
      policy: (r) => known.specOf(r)?.policy ?? null,
      protocol: (r) => known.specOf(r)?.protocol ?? "http",
      workerCount,
      isBodyChecked: (r) => known.specOf(r)?.isBodyChecked ?? true,
    },
    0,
  );
  return withKept(built, before);
}
