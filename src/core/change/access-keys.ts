/** Access keys of the control API. Secrets come in as they are kept: sealed, and as a digest (core/access/access-key.ts). */
import type { AccessKeyRecord, KeptSecret, Restriction, Role } from "../access/access-key.ts";
import { type Problem, ServingError } from "../errors.ts";
import { isName, NAME_PATTERN } from "../names.ts";
import type { DesiredState } from "../service.ts";
import type { Decision } from "./decision.ts";

/** A person or a program each; more than these are made by mistake. */
export const ACCESS_KEYS_MAX = 1000;
/** Room for whose key it is and what for. */
const NOTE_CHARS_MAX = 200;
/** Groups and workspaces that one key may be restricted to, of each. */
const NAMED_MAX = 50;

/** What a new key is to be. */
export interface AccessKeyOrder {
  readonly id: string;
  readonly role: Role;
  readonly note: string;
  readonly restriction: Restriction | null;
  readonly expiresAtMs: number | null;
  readonly secret: KeptSecret;
}

/** @throws ServingError INVALID_ARGUMENT, TOO_MANY_ACCESS_KEYS */
export function createAccessKey(
  state: DesiredState,
  order: AccessKeyOrder,
  { nowMs }: { readonly nowMs: number },
): Decision<AccessKeyRecord> {
  const problems = problemsOf(order, nowMs);
  if (problems.length > 0) throw new ServingError("INVALID_ARGUMENT", { problems });
  const isFull = state.accessKeys.size >= ACCESS_KEYS_MAX;
  if (isFull) throw new ServingError("TOO_MANY_ACCESS_KEYS", { limit: ACCESS_KEYS_MAX });
  const record = { ...order, olderSecret: null, createdAtMs: nowMs, updatedAtMs: nowMs };
  return { record, changes: [{ kind: "put-access-key", record }] };
}

/**
 * Another secret for the same key; the one before opens for `graceMs` more, 0: not at all. One that was older still opens no more.
 * @throws ServingError ACCESS_KEY_NOT_FOUND
 */
export function rotateAccessKey(
  state: DesiredState,
  rotation: { readonly id: string; readonly secret: KeptSecret; readonly graceMs: number },
  { nowMs }: { readonly nowMs: number },
): Decision<AccessKeyRecord> {
  const { id, secret, graceMs } = rotation;
  const before = findAccessKey(state, id);
  const olderSecret = graceMs === 0 ? null : { ...before.secret, validUntilMs: nowMs + graceMs };
  const record = { ...before, secret, olderSecret, updatedAtMs: nowMs };
  return { record, changes: [{ kind: "put-access-key", record }] };
}

/** @throws ServingError ACCESS_KEY_NOT_FOUND */
export function removeAccessKey(state: DesiredState, id: string): Decision<AccessKeyRecord> {
  const record = findAccessKey(state, id);
  return { record, changes: [{ kind: "remove-access-key", id }] };
}

function findAccessKey(state: DesiredState, id: string): AccessKeyRecord {
  const record = state.accessKeys.get(id);
  if (record === undefined) throw new ServingError("ACCESS_KEY_NOT_FOUND", { key: id.slice(0, 100) });
  return record;
}

function problemsOf(order: AccessKeyOrder, nowMs: number): Problem[] {
  const { role, note, restriction, expiresAtMs } = order;
  const problems: Problem[] = [];
  const must = (isGood: boolean, path: string, found: string, allowed: string) => {
    if (!isGood) problems.push({ path, found, allowed });
  };
  must(note.length <= NOTE_CHARS_MAX, "$.Note", `${note.length} characters`, `at most ${NOTE_CHARS_MAX}`);
  const isLater = expiresAtMs === null || expiresAtMs > nowMs;
  must(isLater, "$.ExpireSeconds", "a time that is over", "a time to come");
  if (restriction === null) return problems;
  const { groups, workspaces } = restriction;
  must(role !== "admin", "$.Role", "admin", "operator or viewer for a key that is restricted");
  for (const [path, names] of [
    ["$.Groups", groups],
    ["$.Workspaces", workspaces],
  ] as const)
    must(names.length <= NAMED_MAX, path, `${names.length} names`, `at most ${NAMED_MAX}`);
  for (const [i, name] of groups.slice(0, NAMED_MAX).entries())
    must(isName(name), `$.Groups[${i}]`, JSON.stringify(name.slice(0, 80)), String(NAME_PATTERN));
  for (const [i, id] of workspaces.slice(0, NAMED_MAX).entries()) {
    const isId = /^[\w.*-]{1,128}$/.test(id);
    must(isId, `$.Workspaces[${i}]`, JSON.stringify(id.slice(0, 80)), "1 to 128 of letters, digits and _.*-");
  }
  return problems;
}
