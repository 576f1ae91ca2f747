import { ServingError, writtenCode } from "../core/errors.ts";

/** Status and body of an answer that refuses. */
export interface Refusal {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * `{Code, Message, RequestId, …facts}`. Facts are written as the API writes all names: `limitBytes` of the catalogue
 * is `LimitBytes` here, also inside of `Problems`.
 */
export function refusalOf(error: ServingError, requestId: string): Refusal {
  return {
    status: error.status,
    body: {
      ...(pascal(error.facts) as object),
      Code: writtenCode(error.code),
      Message: error.message,
      RequestId: requestId,
    },
  };
}

/** Any error that reached the edge: our refusals as they are, everything else as INTERNAL without its text. */
export function asRefusal(error: unknown, requestId: string): Refusal {
  return refusalOf(
    error instanceof ServingError ? error : new ServingError("INTERNAL", { requestId }),
    requestId,
  );
}

function pascal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pascal);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key.charAt(0).toUpperCase() + key.slice(1), pascal(inner)]),
  );
}
