/**
 * Tokens of services and groups. The newest one is the `AccessToken` that everybody is shown; those of before stay valid until
 * each is revoked, so that clients can be moved from one to the next without a refused request. No event names a token's text.
 */
import { ServingError } from "../errors.ts";
import type { GroupName, ServiceName } from "../names.ts";
import type { DesiredState, GroupRecord, OlderToken, ServiceRecord, TokenHolder } from "../service.ts";
import {
  advance,
  type ChangeContext,
  type Decision,
  findChangeable,
  findGroup,
  serviceEvent,
} from "./decision.ts";

/** Tokens that may be valid at once, of one service or group. A rotation takes two; each costs every signed request an HMAC. */
export const TOKENS_MAX = 8;

/**
 * A new token for a service, valid at once; the ones before stay valid. A `token` in the document follows it.
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING, SAFETY_LOCKED, TOO_MANY_TOKENS
 */
export function addServiceToken(
  state: DesiredState,
  name: ServiceName,
  { nowMs, serviceToken }: Pick<ChangeContext, "nowMs" | "serviceToken">,
): Decision<ServiceRecord> {
  const before = findChangeable(state, name);
  const tokens = withNewest(before, serviceToken, nowMs, `service ${name}`);
  const document =
    before.document.token === undefined ? before.document : { ...before.document, token: serviceToken };
  const record = advance(before, nowMs, { ...tokens, document });
  const text = `Service [${name}] has token ${record.tokenNumber}; ${before.olderTokens.length + 1} before it stay valid until they are revoked`;
  return {
    record,
    changes: [{ kind: "put-service", record }, serviceEvent(name, nowMs, "TokenAdded", text)],
  };
}

/**
 * Takes back one token of a service, by its number.
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING, SAFETY_LOCKED, TOKEN_NOT_FOUND, TOKEN_IN_FORCE (the newest one)
 */
export function revokeServiceToken(
  state: DesiredState,
  { name, number }: { readonly name: ServiceName; readonly number: number },
  { nowMs }: Pick<ChangeContext, "nowMs">,
): Decision<ServiceRecord> {
  const before = findChangeable(state, name);
  const record = advance(before, nowMs, { olderTokens: without(before, number, `service ${name}`) });
  const event = serviceEvent(name, nowMs, "TokenRevoked", `Token ${number} of service [${name}] is revoked`);
  return { record, changes: [{ kind: "put-service", record }, event] };
}

/**
 * A new token for a group, valid at once for it and its members; the ones before stay valid.
 * @throws ServingError GROUP_NOT_FOUND, TOO_MANY_TOKENS
 */
export function addGroupToken(
  state: DesiredState,
  name: GroupName,
  { nowMs, groupToken }: Pick<ChangeContext, "nowMs" | "groupToken">,
): Decision<GroupRecord> {
  const before = findGroup(state, name);
  const tokens = withNewest(before, groupToken, nowMs, `group ${name}`);
  const record = { ...before, ...tokens, updatedAtMs: nowMs };
  return { record, changes: [{ kind: "put-group", record }] };
}

/**
 * Takes back one token of a group, by its number.
 * @throws ServingError GROUP_NOT_FOUND, TOKEN_NOT_FOUND, TOKEN_IN_FORCE (the newest one)
 */
export function revokeGroupToken(
  state: DesiredState,
  { name, number }: { readonly name: GroupName; readonly number: number },
  { nowMs }: Pick<ChangeContext, "nowMs">,
): Decision<GroupRecord> {
  const before = findGroup(state, name);
  const record = { ...before, olderTokens: without(before, number, `group ${name}`), updatedAtMs: nowMs };
  return { record, changes: [{ kind: "put-group", record }] };
}

/** The tokens after another one was put in the place of the newest, which ends with that; older ones stay. The same one: no change. */
export function withReplaced(holder: TokenHolder, token: string, nowMs: number): TokenHolder {
  if (token === holder.token) return tokensIn(holder);
  return {
    token,
    tokenNumber: holder.tokenNumber + 1,
    tokenAddedAtMs: nowMs,
    olderTokens: holder.olderTokens.filter((older) => older.token !== token),
  };
}

function withNewest(holder: TokenHolder, token: string, nowMs: number, owner: string): TokenHolder {
  if (holder.olderTokens.length + 1 >= TOKENS_MAX)
    throw new ServingError("TOO_MANY_TOKENS", { owner, limit: TOKENS_MAX });
  const older = { number: holder.tokenNumber, token: holder.token, addedAtMs: holder.tokenAddedAtMs };
  return {
    token,
    tokenNumber: holder.tokenNumber + 1,
    tokenAddedAtMs: nowMs,
    olderTokens: [...holder.olderTokens, older],
  };
}

function without(holder: TokenHolder, number: number, owner: string): readonly OlderToken[] {
  if (number === holder.tokenNumber) throw new ServingError("TOKEN_IN_FORCE", { owner, number });
  const kept = holder.olderTokens.filter((older) => older.number !== number);
  if (kept.length === holder.olderTokens.length) {
    const numbers = [...holder.olderTokens.map((older) => older.number), holder.tokenNumber];
    throw new ServingError("TOKEN_NOT_FOUND", { owner, number, numbers });
  }
  return kept;
}

const tokensIn = ({ token, tokenNumber, tokenAddedAtMs, olderTokens }: TokenHolder): TokenHolder => ({
  token,
  tokenNumber,
  tokenAddedAtMs,
  olderTokens,
});
