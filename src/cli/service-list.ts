import type { ResponseOf } from "../api/operations.ts";
import type { Session } from "./session.ts";

/** Most entries of one page (api/fields.ts, paging). */
const PAGE_SIZE = 1000;

/** All services that match, over as many pages as it takes, as one answer. */
export async function listServices(
  session: Session,
  filter: { readonly [Name in "Filter" | "GroupName" | "ServiceStatus"]?: string | undefined },
): Promise<ResponseOf<"ListServices">> {
  const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
  const services: ResponseOf<"ListServices">["Services"] = [];
  for (let PageNumber = 1; ; PageNumber += 1) {
    const query = { ...given, PageSize: PAGE_SIZE, PageNumber };
    const page = await session.client.call("ListServices", { query });
    services.push(...page.Services);
    const isLast = page.Services.length < PAGE_SIZE;
    if (isLast) return { ...page, PageNumber: 1, PageSize: Math.max(services.length, 1), Services: services };
  }
}
