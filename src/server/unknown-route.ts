import { NOT_IMPLEMENTED } from "../api/not-implemented.ts";
import { OPERATION_LIST } from "../api/operations.ts";
import { ServingError } from "../core/errors.ts";

const KNOWN = [...OPERATION_LIST, ...Object.values(NOT_IMPLEMENTED), { method: "GET", path: "/metrics" }].map(
  ({ method, path }) => ({
    path,
    nameCount: path.split("{").length,
    methods: method === "GET" ? ["GET", "HEAD"] : [method],
    pattern: new RegExp(`^${path.replaceAll(".", "\\.").replace(/\{\w+\}/g, "[^/]+")}$`),
  }),
);
/** Enough to see what was asked for; the rest is only long. */
const SHOWN_CHARS_MAX = 200;

/** What a request meets that is for no operation: another method of a path that is there (RFC 9110 §15.5.6), or a path that is not. */
export function unknownRoute(
  method: string,
  target: string,
): ServingError<"METHOD_NOT_ALLOWED" | "NOT_FOUND"> {
  const path = target.split("?", 1)[0]!;
  const matching = KNOWN.filter(({ pattern }) => pattern.test(path)).toSorted(
    (a, b) => a.nameCount - b.nameCount,
  );
  // A word of a path goes before a name that it could be, as in the OpenAPI document.
  const own = matching.filter((one) => one.path === matching[0]!.path);
  const allowed = new Set(own.flatMap(({ methods }) => methods));
  const shown = target.slice(0, SHOWN_CHARS_MAX);
  return allowed.size === 0
    ? new ServingError("NOT_FOUND", { method, path: shown })
    : new ServingError("METHOD_NOT_ALLOWED", { method, path: shown, allowed: [...allowed].toSorted() });
}
