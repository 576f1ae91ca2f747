/**
 * A backup as text: one JSON value a line. The first says what it is, each further one is a group, a service or a version, and the
 * last one has the number of those before it and their SHA-256, so that a file which was cut or changed is told from a whole one.
 */
import { createHash } from "node:crypto";
import Type, { type TSchema } from "typebox";
import type { Backup } from "../core/change/restore.ts";
import { ServingError } from "../core/errors.ts";
import { isName } from "../core/names.ts";
import type { DesiredState, GroupRecord, ServiceRecord, ServiceVersion } from "../core/service.ts";
import { checked } from "./input.ts";
import { rfc3339 } from "./time.ts";

/** Of this way to write it. A file of a later one is refused. */
const FORMAT = 1;

/** What the first line says besides the format; for people. */
export interface BackupAbout {
  readonly program: string;
  readonly region: string;
  readonly madeAtMs: number;
}

export function* backupLines(state: DesiredState, about: BackupAbout): Generator<string, void, undefined> {
  const hash = createHash("sha256");
  let count = 0;
  const line = (value: object) => {
    const text = JSON.stringify(value);
    hash.update(`${text}\n`);
    count += 1;
    return text;
  };
  yield line({
    sluiceBackup: FORMAT,
    program: about.program,
    region: about.region,
    madeTime: rfc3339(about.madeAtMs),
  });
  for (const group of state.groups.values()) yield line({ group });
  for (const service of state.services.values()) yield line({ service });
  for (const versions of state.versions.values()) for (const version of versions) yield line({ version });
  yield JSON.stringify({ end: { lines: count, sha256: hash.digest("hex") } });
}

const count = Type.Integer({ minimum: 0 });
const time = Type.Number({ minimum: 0 });
const nullOr = <S extends TSchema>(schema: S) => Type.Union([Type.Null(), schema]);
const token = Type.String({ minLength: 1 });
const TOKENS = {
  token,
  tokenNumber: count,
  tokenAddedAtMs: time,
  olderTokens: Type.Array(Type.Object({ number: count, token, addedAtMs: time })),
};
const anyObject = Type.Object({});
const LINE = Type.Union([
  Type.Object({
    group: Type.Object({
      name: Type.String(),
      mode: Type.Enum(["auto", "customized"]),
      labels: Type.Record(Type.String(), Type.String()),
      isExplicit: Type.Boolean(),
      sticky: Type.Optional(nullOr(anyObject)),
      createdAtMs: time,
      updatedAtMs: time,
      ...TOKENS,
    }),
  }),
  Type.Object({
    service: Type.Object({
      name: Type.String(),
      id: Type.String(),
      group: nullOr(Type.String()),
      generation: count,
      desired: Type.Enum(["running", "stopped", "deleted"]),
      document: anyObject,
      version: count,
      latestVersion: count,
      epoch: count,
      retiredSlots: Type.Array(count),
      trafficState: Type.Enum(["grouping", "standalone", "blue-green"]),
      weight: nullOr(Type.Integer({ minimum: 0, maximum: 1000 })),
      mirror: Type.Optional(nullOr(anyObject)),
      rollout: Type.Optional(nullOr(anyObject)),
      lock: Type.Optional(Type.Enum(["all", "dangerous", "none"])),
      createdAtMs: time,
      updatedAtMs: time,
      ...TOKENS,
    }),
  }),
  Type.Object({
    version: Type.Object({
      service: Type.String(),
      version: count,
      document: anyObject,
      createdAtMs: time,
      message: Type.String(),
    }),
  }),
]);

const refusal = (detail: string, cause?: unknown) =>
  new ServingError("INVALID_BACKUP", { detail }, { cause });

/** Reads what {@link backupLines} wrote. @throws ServingError INVALID_BACKUP with the number of the line */
export function readBackup(text: string): Backup {
  const lines = text.split("\n");
  while (lines.at(-1) === "") lines.pop();
  const head = parsed(lines[0] ?? "", 1) as { sluiceBackup?: unknown; madeTime?: unknown };
  if (typeof head.sluiceBackup !== "number")
    throw refusal("line 1 does not say that it is a backup of Sluice");
  if (head.sluiceBackup !== FORMAT)
    throw refusal(
      `it has format ${head.sluiceBackup}, and this Sluice knows ${FORMAT}: it was made by another one`,
    );
  const madeAtMs = Date.parse(String(head.madeTime));
  if (Number.isNaN(madeAtMs)) throw refusal("line 1 has no madeTime");
  checkEnd(lines);
  const services: ServiceRecord[] = [];
  const groups: GroupRecord[] = [];
  const versions: ServiceVersion[] = [];
  for (const [index, line] of lines.slice(1, -1).entries()) {
    const value = recordIn(line, index + 2);
    if ("group" in value) groups.push(value.group);
    else if ("service" in value) services.push(value.service);
    else versions.push(value.version);
  }
  checkWhole(services, groups, versions);
  return { madeAtMs, services, groups, versions };
}

function parsed(line: string, number: number): object {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return value;
  } catch (error) {
    throw refusal(`line ${number} is not JSON`, error);
  }
  throw refusal(`line ${number} is not a JSON object`);
}

function checkEnd(lines: readonly string[]): void {
  const last = parsed(lines.at(-1)!, lines.length) as { end?: { lines?: unknown; sha256?: unknown } };
  if (last.end === undefined) throw refusal(`it breaks off after line ${lines.length}`);
  if (last.end.lines !== lines.length - 1)
    throw refusal(
      `it has ${lines.length - 1} lines before its end, which speaks of ${String(last.end.lines)}`,
    );
  const hash = createHash("sha256");
  for (const line of lines.slice(0, -1)) hash.update(`${line}\n`);
  if (hash.digest("hex") !== last.end.sha256)
    throw refusal("its lines are not those that its digest was made of");
}

type Line = { group: GroupRecord } | { service: ServiceRecord } | { version: ServiceVersion };

function recordIn(line: string, number: number): Line {
  const value = parsed(line, number);
  try {
    return checked(LINE, value, "$") as Line;
  } catch (error) {
    throw refusal(`line ${number}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

/** Names are names and given once, and what one record says of another one is so. */
function checkWhole(
  services: readonly ServiceRecord[],
  groups: readonly GroupRecord[],
  versions: readonly ServiceVersion[],
): void {
  const names = [...services, ...groups].map((record) => record.name as string);
  const bad = names.find((name) => !isName(name));
  if (bad !== undefined) throw refusal(`${JSON.stringify(bad).slice(0, 80)} is not a name`);
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw refusal(`${name} comes twice`);
    seen.add(name);
  }
  const groupNames = new Set(groups.map((g) => g.name));
  const numbers = Map.groupBy(versions, (v) => v.service);
  for (const { name, group, version } of services) {
    if (group !== null && !groupNames.has(group))
      throw refusal(`service ${name} is in group ${group}, which it lacks`);
    if (!(numbers.get(name) ?? []).some((v) => v.version === version))
      throw refusal(`service ${name} is at version ${version}, which it lacks`);
  }
  const known = new Set(services.map((s) => s.name));
  const stray = versions.find((v) => !known.has(v.service));
  if (stray !== undefined) throw refusal(`there is a version of ${stray.service}, and no such service`);
}
