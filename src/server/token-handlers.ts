import type { Token } from "../api/objects.ts";
import type { OperationName } from "../api/paths.ts";
import { ServingError } from "../core/errors.ts";
import type { TokenHolder } from "../core/service.ts";
import { groupIn, groupName, type Handler, serviceIn, serviceName } from "./handler.ts";
import { rfc3339 } from "./time.ts";

type TokenOperations = Extract<OperationName, `${string}Token` | `${string}Tokens`>;

/** Operations on the tokens of services and groups. */
export const TOKEN_HANDLERS: { readonly [N in TokenOperations]: Handler<N> } = {
  async ListServiceTokens({ path }, { control }) {
    return { Tokens: tokenViews(serviceIn(await control.read(), path.ServiceName)) };
  },
  async CreateServiceToken({ path }, { control, region }) {
    const record = await control.addServiceToken(serviceName(path.ServiceName));
    return {
      Message: `Service [${record.name}] in region [${region}] has a new token`,
      ...newestView(record),
    };
  },
  async DeleteServiceToken({ path }, { control, region }) {
    const name = serviceName(path.ServiceName);
    const number = tokenNumber(path.TokenNumber);
    await control.revokeServiceToken(name, number);
    return { Message: `Token ${number} of service [${name}] in region [${region}] is revoked` };
  },
  async ListGroupTokens({ path }, { control }) {
    return { Tokens: tokenViews(groupIn(await control.read(), path.GroupName)) };
  },
  async CreateGroupToken({ path }, { control, region }) {
    const record = await control.addGroupToken(groupName(path.GroupName));
    return { Message: `Group [${record.name}] in region [${region}] has a new token`, ...newestView(record) };
  },
  async DeleteGroupToken({ path }, { control, region }) {
    const name = groupName(path.GroupName);
    const number = tokenNumber(path.TokenNumber);
    await control.revokeGroupToken(name, number);
    return { Message: `Token ${number} of group [${name}] in region [${region}] is revoked` };
  },
};

const newestView = ({ token, tokenNumber, tokenAddedAtMs }: TokenHolder): Token => ({
  Number: tokenNumber,
  Token: token,
  IsNewest: true,
  AddTime: rfc3339(tokenAddedAtMs),
});

function tokenViews(holder: TokenHolder): Token[] {
  const older = holder.olderTokens.map(({ number, token, addedAtMs }) => ({
    Number: number,
    Token: token,
    IsNewest: false,
    AddTime: rfc3339(addedAtMs),
  }));
  return [newestView(holder), ...older.toReversed()];
}

/** @throws ServingError INVALID_ARGUMENT */
function tokenNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  // What stands here may be a token, taken for its number: it is not repeated.
  throw new ServingError("INVALID_ARGUMENT", {
    problems: [{ path: "TokenNumber", found: "no number", allowed: "the number of a token, from 1" }],
  });
}
