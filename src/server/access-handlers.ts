import type { ResponseOf } from "../api/operations.ts";
import type { OperationName } from "../api/paths.ts";
import type { AccessKeyRecord } from "../core/access/access-key.ts";
import { auditOf } from "../core/access/audit-change.ts";
import type { AuditEntry } from "../core/access/audit-entry.ts";
import { ServingError } from "../core/errors.ts";
import type { Handler } from "./handler.ts";
import { OWN_NOTE, type OwnKey } from "./keyring.ts";
import { sha256 } from "./signing/signature.ts";
import { readTime, rfc3339 } from "./time.ts";

type Own = Extract<OperationName, `${string}AccessKey` | "ListAccessKeys" | "ListAuditEntries">;
type KeyView = ResponseOf<"ListAccessKeys">["AccessKeys"][number];

/** 192 bits of chance: out of reach of guessing, so that a fast digest is enough to keep. */
const SECRET_BYTES = 24;
const ID_BYTES = 6;
/** A day to give the new secret to every client. */
const GRACE_S = 86_400;

/** Access keys, and who changed what. */
export const ACCESS_HANDLERS: { readonly [N in Own]: Handler<N> } = {
  async CreateAccessKey({ body }, { control, random, sealer, clock }) {
    const { Role, Note = "", Groups: groups = [], Workspaces: workspaces = [], ExpireSeconds } = body;
    // A script whose list of teams came out empty must not get a key for everything.
    if (groups.length + workspaces.length === 0 && (body.Groups ?? body.Workspaces) !== undefined) {
      const allowed = "a name at least; a key for all services is made without Groups and Workspaces";
      throw new ServingError("INVALID_ARGUMENT", {
        problems: [
          { path: body.Groups === undefined ? "$.Workspaces" : "$.Groups", found: "an empty list", allowed },
        ],
      });
    }
    const id = `sluice-${random.hex(ID_BYTES)}`;
    const secret = random.hex(SECRET_BYTES);
    await control.createAccessKey({
      id,
      role: Role,
      note: Note,
      restriction: groups.length + workspaces.length === 0 ? null : { groups, workspaces },
      expiresAtMs: ExpireSeconds === undefined ? null : clock.now() + ExpireSeconds * 1000,
      secret: { sha256: sha256(secret), sealed: sealer.seal(secret, id) },
    });
    const Message = `Access key [${id}] is made; its secret is not shown again`;
    return { Message, AccessKeyId: id, AccessKeySecret: secret, Role };
  },
  async ListAccessKeys(_, { control, ownKey, clock }) {
    const made = [...(await control.accessKeys()).values()];
    made.sort((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1));
    const now = clock.now();
    return { AccessKeys: [ownView(ownKey.read(), now), ...made.map((record) => keyView(record, now))] };
  },
  async RotateAccessKey({ path, query, actor }, { control, ownKey, random, sealer, clock, log }) {
    const id = path.AccessKeyId;
    const secret = random.hex(SECRET_BYTES);
    const graceMs = (query.GraceSeconds ?? GRACE_S) * 1000;
    let untilMs: number | null;
    if (id === ownKey.read().id) {
      untilMs = graceMs === 0 ? null : clock.now() + graceMs;
      ownKey.rotate(secret, untilMs);
      // The file has it by now: without this answer nobody would know the secret.
      const entry = { ...auditOf(actor!, clock.now()), change: `key ${id}: secret rotated` };
      await control.addAudit([entry]).catch((error: unknown) => {
        log.error({ err: error, entry }, "an audit entry could not be stored");
      });
    } else {
      const kept = { sha256: sha256(secret), sealed: sealer.seal(secret, id) };
      const record = await control.rotateAccessKey(id, kept, graceMs);
      untilMs = record.olderSecret?.validUntilMs ?? null;
    }
    const until = untilMs === null ? "" : rfc3339(untilMs);
    const rest = until === "" ? "the old one opens nothing any more" : `the old one opens until ${until}`;
    return {
      Message: `Access key [${id}] has a new secret, which is not shown again; ${rest}`,
      AccessKeyId: id,
      AccessKeySecret: secret,
      OlderSecretUntil: until,
    };
  },
  async DeleteAccessKey({ path }, { control, ownKey }) {
    const id = path.AccessKeyId;
    if (id === ownKey.read().id) throw new ServingError("ACCESS_KEY_IN_FILE", { key: id });
    await control.deleteAccessKey(id);
    return { Message: `Access key [${id}] is revoked` };
  },
  async ListAuditEntries({ query }, { control }) {
    const number = query.PageNumber ?? 1;
    const size = query.PageSize ?? 100;
    const { entries, total } = await control.audit({
      fromMs: query.StartTime === undefined ? 0 : readTime(query.StartTime, "?StartTime"),
      toMs: query.EndTime === undefined ? Number.MAX_SAFE_INTEGER : readTime(query.EndTime, "?EndTime"),
      ...(query.AccessKeyId === undefined ? {} : { keyId: query.AccessKeyId }),
      ...(query.Target === undefined ? {} : { target: query.Target }),
      ...(query.Operation === undefined ? {} : { operation: query.Operation }),
      ...(query.Outcome === undefined ? {} : { outcome: query.Outcome }),
      offset: (number - 1) * size,
      limit: size,
    });
    return { Entries: entries.map(entryView), PageNumber: number, PageSize: size, TotalCount: total };
  },
};

function ownView({ id, older }: OwnKey, nowMs: number): KeyView {
  return {
    AccessKeyId: id,
    Role: "admin",
    Note: OWN_NOTE,
    Groups: [],
    Workspaces: [],
    IsOwn: true,
    CreateTime: "",
    ExpireTime: "",
    OlderSecretUntil: older !== null && older.validUntilMs > nowMs ? rfc3339(older.validUntilMs) : "",
  };
}

function keyView(record: AccessKeyRecord, nowMs: number): KeyView {
  const { id, role, note, restriction, createdAtMs, expiresAtMs, olderSecret } = record;
  return {
    AccessKeyId: id,
    Role: role,
    Note: note,
    Groups: [...(restriction?.groups ?? [])],
    Workspaces: [...(restriction?.workspaces ?? [])],
    IsOwn: false,
    CreateTime: rfc3339(createdAtMs),
    ExpireTime: expiresAtMs === null ? "" : rfc3339(expiresAtMs),
    OlderSecretUntil:
      olderSecret !== null && olderSecret.validUntilMs > nowMs ? rfc3339(olderSecret.validUntilMs) : "",
  };
}

const entryView = (entry: AuditEntry) => ({
  Time: rfc3339(entry.atMs),
  RequestId: entry.requestId,
  AccessKeyId: entry.keyId,
  Note: entry.keyNote,
  RemoteAddress: entry.remoteAddress,
  Operation: entry.operation,
  Target: entry.target,
  Outcome: entry.outcome,
  Code: entry.code ?? "",
  Change: entry.change,
});
