import Type from "typebox";
import { answer, flag, oneOf, paged, paging, query, text, textList, time, whole } from "./fields.ts";
import type { OperationSchema } from "./operation.ts";

const opt = Type.Optional;
/** The old secret of a rotation opens for so long at most: 30 days, in which every client can be told the new one. */
const GRACE_SECONDS_MAX = 30 * 24 * 3600;
const role = oneOf(["viewer", "operator", "admin"], "what it may do");

export const accessKeyObject = Type.Object({
  AccessKeyId: text("public name of the key"),
  Role: role,
  Note: text("whose it is"),
  Groups: textList("only services in these groups, and of these workspaces; both empty: all"),
  Workspaces: textList("ids, as in metadata.workspace_id"),
  IsOwn: flag("the installation's own key, which is in a file of its home"),
  CreateTime: text("RFC 3339, UTC; empty for the installation's own"),
  ExpireTime: text("RFC 3339, UTC; empty: never"),
  OlderSecretUntil: text("the secret before the last rotation opens until then; empty: there is none"),
});

export const auditEntryObject = Type.Object({
  Time: text("RFC 3339, UTC"),
  RequestId: text("of the answer; the log has it, too"),
  AccessKeyId: text("who"),
  Note: text("the key's note as it was then"),
  RemoteAddress: text("where the request came from, as the connection had it"),
  Operation: text("name of the operation"),
  Target: text("e.g. service/a, group/g, key/k; empty: the installation"),
  Outcome: oneOf(["done", "refused"], "refused: the role or the restriction of the key did not allow it"),
  Code: text("of the refusal; empty: done"),
  Change: text("old → new in short, without secrets"),
});

const shownOnce = {
  AccessKeyId: text("public name of the key: the access key id of an SDK"),
  AccessKeySecret: text("shown this once: the key of Authorization: Bearer, and what an SDK signs with"),
};

/** Our own: access keys, and who changed what. */
export const ACCESS_OPERATIONS = {
  CreateAccessKey: {
    summary: "Make an access key; its secret is in this answer only",
    tag: "Access",
    role: "admin",
    isInstallationWide: true,
    query: query({}),
    body: Type.Object(
      {
        Role: role,
        Note: opt(text("whose it is, at most 200 characters")),
        Groups: opt(
          textList(
            "restricts it to services in these groups, together with Workspaces; one of both has a name when they are given",
          ),
        ),
        Workspaces: opt(textList("restricts it to services with these values of metadata.workspace_id")),
        ExpireSeconds: opt(whole("it opens for so long; for ever unless told", 1, 3_153_600_000)),
      },
      { additionalProperties: false },
    ),
    example: { Role: "viewer", Note: "dashboards" },
    refusals: ["TOO_MANY_ACCESS_KEYS"],
    response: answer({ Message: text("what was done"), ...shownOnce, Role: role }),
  },
  ListAccessKeys: {
    summary: "List the access keys, without their secrets",
    tag: "Access",
    role: "admin",
    isInstallationWide: true,
    query: query({}),
    body: null,
    response: answer({
      AccessKeys: Type.Array(accessKeyObject, { description: "the installation's own first, then by age" }),
    }),
  },
  RotateAccessKey: {
    summary: "Give an access key another secret; the one before opens for a time that is told",
    tag: "Access",
    role: "admin",
    isInstallationWide: true,
    query: query({
      GraceSeconds: opt(whole("the old secret opens for so long; 86400 unless told", 0, GRACE_SECONDS_MAX)),
    }),
    body: null,
    response: answer({
      Message: text("what was done"),
      ...shownOnce,
      OlderSecretUntil: text("RFC 3339, UTC; empty: the old secret opens nothing any more"),
    }),
  },
  DeleteAccessKey: {
    summary: "Revoke an access key, at once",
    tag: "Access",
    role: "admin",
    isInstallationWide: true,
    query: query({}),
    body: null,
    response: answer({ Message: text("what was done") }),
  },
  ListAuditEntries: {
    summary:
      "List who changed what, newest first: the newest 20,000 changes, and the newest 1000 that a key was not allowed",
    tag: "Access",
    role: "admin",
    isInstallationWide: true,
    query: query({
      StartTime: opt(time("RFC 3339, or 2022-04-09 06:30:00 in UTC")),
      EndTime: opt(time("RFC 3339, or 2022-04-09 06:30:00 in UTC")),
      AccessKeyId: opt(text("only of this key")),
      Target: opt(text("only about this, e.g. service/a")),
      Operation: opt(text("only this operation")),
      Outcome: opt(oneOf(["done", "refused"], "only these")),
      PageNumber: paging.PageNumber,
      PageSize: paging.PageSize,
    }),
    body: null,
    response: answer({
      Entries: Type.Array(auditEntryObject),
      ...paged,
    }),
  },
} as const satisfies Record<string, OperationSchema>;
