/** Sort and page of a list (eas-reference §8.0). */
export interface PageQuery {
  readonly Order?: "asc" | "desc";
  readonly PageNumber?: number;
  readonly PageSize?: number;
}

export interface Page<T> {
  readonly items: T[];
  readonly facts: { readonly PageNumber: number; readonly PageSize: number; readonly TotalCount: number };
}

/** One page of `items`, sorted by `keyOf` and, where that is equal, by `nameOf`, so that pages never overlap. */
export function pageOf<T>(
  items: readonly T[],
  query: PageQuery,
  keyOf: (item: T) => string,
  nameOf: (item: T) => string,
): Page<T> {
  const sign = query.Order === "desc" ? -1 : 1;
  const keyed = items.map((item) => ({ item, key: keyOf(item), name: nameOf(item) }));
  keyed.sort((a, b) => sign * (compare(a.key, b.key) || compare(a.name, b.name)));
  const number = query.PageNumber ?? 1;
  const size = query.PageSize ?? 100;
  return {
    items: keyed.slice((number - 1) * size, number * size).map(({ item }) => item),
    facts: { PageNumber: number, PageSize: size, TotalCount: items.length },
  };
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** What a list of records is sorted by: times to the millisecond, though they are shown in seconds. */
export function sortKey(
  record: { readonly createdAtMs: number; readonly updatedAtMs: number },
  view: Readonly<Record<string, unknown>>,
  sort: string,
): string {
  const ms = sort === "CreateTime" ? record.createdAtMs : sort === "UpdateTime" ? record.updatedAtMs : null;
  return ms === null ? String(view[sort]) : String(ms).padStart(16, "0");
}

/** True when `labels` has every pair of `wanted`. */
export function hasLabels(
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>> = {},
): boolean {
  return Object.entries(wanted).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}
