import { instanceCountOf } from "../change/decision.ts";
import { ruleText } from "../change/rollout.ts";
import type { Change, DesiredState, GroupRecord, ServiceRecord, TokenHolder } from "../service.ts";
import { differencesOf } from "../spec/difference.ts";
import { showAffinity } from "../traffic/affinity.ts";
import type { AccessKeyRecord } from "./access-key.ts";
import { AUDIT_CHARS_MAX, type AuditEntry } from "./audit-entry.ts";
import { type Actor, restrictionText } from "./caller.ts";

/** Fields of a service.json told one by one. */
const FIELDS_MAX = 10;

/** What changes do to what is wanted, old → new in short, without secrets: by comparing records, so that no command has to tell it. */
export function changeText(state: DesiredState, changes: readonly Change[], summary?: string): string {
  const parts = changes.flatMap((change) => textsOf(state, change));
  const text = [...(summary === undefined ? [] : [summary]), ...parts].join("; ");
  return text.length > AUDIT_CHARS_MAX ? `${text.slice(0, AUDIT_CHARS_MAX - 1)}…` : text;
}

/** An entry about something that a caller did, with nothing said of the change yet. */
export function auditOf(actor: Actor, atMs: number): AuditEntry {
  const { caller, requestId, remoteAddress, operation, target } = actor;
  const { keyId, note: keyNote } = caller;
  const done = { outcome: "done", code: null, change: "" } as const;
  return { atMs, requestId, keyId, keyNote, remoteAddress, operation, target, ...done };
}

/** What the changes are about, e.g. `service/a`: the first service, group or key that they touch, in this order; empty: none. */
export function targetOf(changes: readonly Change[]): string {
  const names = changes.flatMap(nameOf);
  const first = ["service/", "group/", "key/"].flatMap((kind) => names.find((n) => n.startsWith(kind)) ?? []);
  return first[0] ?? "";
}

function nameOf(change: Change): string[] {
  if (change.kind === "put-service") return [`service/${change.record.name}`];
  if (change.kind === "remove-service") return [`service/${change.name}`];
  if (change.kind === "put-group") return [`group/${change.record.name}`];
  if (change.kind === "remove-group") return [`group/${change.name}`];
  if (change.kind === "put-access-key") return [`key/${change.record.id}`];
  if (change.kind === "remove-access-key") return [`key/${change.id}`];
  return [];
}

function textsOf(state: DesiredState, change: Change): string[] {
  switch (change.kind) {
    case "put-service":
      return about(
        `service ${change.record.name}`,
        serviceTexts(state.services.get(change.record.name), change.record),
      );
    case "remove-service":
      return [`service ${change.name} removed`];
    case "put-group":
      return about(
        `group ${change.record.name}`,
        groupTexts(state.groups.get(change.record.name), change.record),
      );
    case "remove-group":
      return [`group ${change.name} removed`];
    case "put-access-key":
      return about(
        `key ${change.record.id}`,
        keyTexts(state.accessKeys.get(change.record.id), change.record),
      );
    case "remove-access-key":
      return [`key ${change.id} revoked`];
    case "put-version":
    case "remove-version":
    case "add-event":
    case "add-audit":
      return []; // the record that they go with says it
  }
}

const about = (what: string, texts: readonly string[]) =>
  texts.length === 0 ? [] : [`${what}: ${texts.join(", ")}`];

function step(name: string, from: unknown, to: unknown): string[] {
  const [left, right] = [shown(from), shown(to)];
  return left === right ? [] : [`${name} ${left} → ${right}`];
}

const shown = (value: unknown) =>
  value === null || value === undefined ? "none" : typeof value === "string" ? value : JSON.stringify(value);

function serviceTexts(before: ServiceRecord | undefined, after: ServiceRecord): string[] {
  if (before === undefined)
    return [
      `created with ${instanceCountOf(after.document)} instances${after.group === null ? "" : ` in group ${after.group}`}`,
    ];
  const texts = [
    ...step("state", before.desired, after.desired),
    ...step("version", before.version, after.version),
    ...step("restarts", before.epoch, after.epoch),
    ...step("traffic", before.trafficState, after.trafficState),
    ...step("weight", before.weight, after.weight),
    ...step("mirror", mirrorText(before), mirrorText(after)),
    ...step("rollout", before.rollout && ruleText(before.rollout), after.rollout && ruleText(after.rollout)),
    ...step("lock", before.lock ?? "none", after.lock ?? "none"),
    ...step("isolated", before.isolated ?? [], after.isolated ?? []),
    ...step("detached", before.detached ?? [], after.detached ?? []),
    ...step("retired slots", before.retiredSlots, after.retiredSlots),
    ...tokenTexts(before, after),
  ];
  const fields = differencesOf(before.document, after.document);
  for (const { path, from, to } of fields.slice(0, FIELDS_MAX))
    texts.push(`${path} ${from ?? "none"} → ${to ?? "none"}`);
  if (fields.length > FIELDS_MAX) texts.push(`and ${fields.length - FIELDS_MAX} further fields`);
  const soft = Object.keys(after.softRestarts ?? {}).filter(
    (id) => softCount(before, id) !== softCount(after, id),
  );
  if (soft.length > 0) texts.push(`processors of ${soft.join(" ")} restarted`);
  return texts;
}

const softCount = (record: ServiceRecord, id: string) =>
  (record.softRestarts as Readonly<Record<string, number>> | undefined)?.[id] ?? 0;

const mirrorText = ({ mirror }: ServiceRecord) =>
  mirror ? `${mirror.ratio}% to ${mirror.targets.join(" ")}` : null;

/** By number: the text of a token is nobody's business. */
function tokenTexts(before: TokenHolder, after: TokenHolder): string[] {
  const numbers = (holder: TokenHolder) =>
    [...holder.olderTokens.map((t) => t.number), holder.tokenNumber].join(" ");
  const moved = step("tokens", numbers(before), numbers(after));
  return moved.length === 0 && before.token !== after.token ? ["token replaced"] : moved;
}

function groupTexts(before: GroupRecord | undefined, after: GroupRecord): string[] {
  if (before === undefined) return ["created"];
  const sticky = ({ sticky: rule }: GroupRecord) => (rule ? showAffinity(rule) : "off");
  return [
    ...step("mode", before.mode, after.mode),
    ...step("labels", before.labels, after.labels),
    ...step("sticky", sticky(before), sticky(after)),
    ...tokenTexts(before, after),
  ];
}

function keyTexts(before: AccessKeyRecord | undefined, after: AccessKeyRecord): string[] {
  if (before === undefined) {
    const reach = after.restriction === null ? "" : `, restricted to ${restrictionText(after.restriction)}`;
    return [`created with role ${after.role}${reach}`];
  }
  return before.secret.sha256 === after.secret.sha256 ? [] : ["secret rotated"];
}
