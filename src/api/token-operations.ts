import Type from "typebox";
import { answer, query, text } from "./fields.ts";
import { tokenObject } from "./objects.ts";
import type { OperationSchema } from "./operation.ts";

const none = query({});
const tokens = answer({
  Tokens: Type.Array(tokenObject, { description: "newest first; each of them opens the address" }),
});
const added = answer({ Message: text("what was done"), ...tokenObject.properties });
const done = answer({ Message: text("what was done") });

/** Our own: several tokens at once, so that clients can be moved from one to the next. */
export const TOKEN_OPERATIONS = {
  ListServiceTokens: {
    summary: "List the tokens of a service",
    tag: "Services",
    role: "operator",
    query: none,
    body: null,
    response: tokens,
  },
  CreateServiceToken: {
    summary: "Make a new token for a service; the ones before stay valid until they are revoked",
    tag: "Services",
    query: none,
    body: null,
    response: added,
    refusals: ["TOO_MANY_TOKENS"],
  },
  DeleteServiceToken: {
    summary: "Revoke an older token of a service",
    tag: "Services",
    query: none,
    body: null,
    response: done,
  },
  ListGroupTokens: {
    summary: "List the tokens of a group",
    tag: "Groups",
    role: "operator",
    query: none,
    body: null,
    response: tokens,
  },
  CreateGroupToken: {
    summary: "Make a new token for a group; the ones before stay valid until they are revoked",
    tag: "Groups",
    query: none,
    body: null,
    response: added,
    refusals: ["TOO_MANY_TOKENS"],
  },
  DeleteGroupToken: {
    summary: "Revoke an older token of a group",
    tag: "Groups",
    query: none,
    body: null,
    response: done,
  },
} as const satisfies Record<string, OperationSchema>;
