import { ServingError } from "../core/errors.ts";

/** RFC 3339 in UTC, whole seconds, as EAS writes times: `2022-06-05T14:30:49Z`. */
export const rfc3339 = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** The same, or empty for a time that has not come. */
export const rfc3339OrEmpty = (ms: number | null): string => (ms === null ? "" : rfc3339(ms));

/** As events write times (eas-reference §6.7): `2022-04-09 06:30:00`, in UTC. */
export const eventTime = (ms: number): string => rfc3339(ms).slice(0, 19).replace("T", " ");

/** As a rollout's status writes times (eas-reference §6.4): `2026/05/08 16:10:56`, in UTC. */
export const rolloutTime = (ms: number): string => eventTime(ms).replaceAll("-", "/");

/**
 * Reads either form; without a zone it is UTC.
 * @throws ServingError INVALID_ARGUMENT
 */
export function readTime(text: string, at: string): number {
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d:\d\d)?$/.exec(text);
  const ms = match ? Date.parse(`${match[1]}T${match[2]}${match[3] ?? "Z"}`) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new ServingError("INVALID_ARGUMENT", {
    problems: [
      {
        path: at,
        found: JSON.stringify(text.slice(0, 80)),
        allowed: "a time such as 2022-04-09T06:30:00Z or 2022-04-09 06:30:00",
      },
    ],
  });
}
