import { createHash } from "node:crypto";
import type { AccessKeyRecord } from "../core/access/access-key.ts";
import type { Caller } from "../core/access/caller.ts";
import { Lockout } from "../core/access/lockout.ts";
import { ServingError } from "../core/errors.ts";
import { type FoundKey, Keyring, type OwnKeyFile } from "./keyring.ts";
import type { Sealer } from "./sealing.ts";
import { type Claim, readClaim } from "./signing/claim.ts";
import { isSame } from "./signing/compare.ts";
import { REPLAY_LIMITS, ReplayGuard } from "./signing/replay-guard.ts";
import { type SignedParts, sha256, signatureOf } from "./signing/signature.ts";

/** What the signature says the body has to be. */
export interface SignedBody {
  /** SHA-256 in hex; null: not signed. */
  readonly sha256: string | null;
  /** MD5 in base64, from Content-MD5; null: not signed. */
  readonly md5: string | null;
}

/** A request whose caller has shown a right key. */
export interface Checked {
  readonly caller: Caller;
  readonly body: SignedBody;
}

/** Requests that were not let in since the process began, for the metrics. */
export interface AccessCounts {
  /** Without a right key. */
  unauthorized: number;
  /** From an address that had failed too often. */
  locked: number;
  /** Without the role, or outside of the restriction. */
  forbidden: number;
}

export interface AccessDeps {
  readonly ownKey: OwnKeyFile;
  readonly sealer: Sealer;
  readonly keys: () => Promise<ReadonlyMap<string, AccessKeyRecord>>;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** A clock that does not go back, ms. */
  readonly monotonic: () => number;
  /** How far the clock of one who signs may be off, to both sides. */
  readonly windowMs: number;
}

/** Decides who may ask. */
export interface Access {
  readonly counts: AccessCounts;
  /** @throws ServingError UNAUTHORIZED, TOO_MANY_FAILURES */
  check(parts: SignedParts, address: string): Promise<Checked>;
}

/** A signature of the newer form without one of these could be used for another request, or twice. */
const MUST_BE_SIGNED = ["x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"];
const NO_BODY: SignedBody = { sha256: null, md5: null };

/** What somebody has shown: a key, or nothing right. `keyId`: of a key that is there and was named. */
type Shown =
  | { readonly key: FoundKey; readonly claim: Claim | null }
  | { readonly key: null; readonly keyId: string | null; readonly detail: string };

/**
 * Takes `Authorization: Bearer <secret>`, and requests that are signed by a key as the SDKs of PAI-EAS do (eas-reference §7.7). Signatures
 * are compared by digests of one length, so that the time taken tells nothing of how much was right. An address that fails often is locked
 * (core/access/lockout.ts).
 */
export function createAccess(deps: AccessDeps): Access {
  const { now, monotonic, windowMs } = deps;
  const guard = new ReplayGuard(now(), { ...REPLAY_LIMITS, windowMs });
  const keyring = new Keyring(deps.ownKey, deps.sealer);
  const lockout = new Lockout();
  const counts: AccessCounts = { unauthorized: 0, locked: 0, forbidden: 0 };
  // Whoever sits on this machine must not be able to lock its owner out.
  lockout.onSuccess("127.0.0.1", deps.ownKey.read().id, monotonic());

  function show(authorization: string, parts: SignedParts): Shown {
    const given = /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
    if (given !== undefined) {
      const key = keyring.bySecret(given, now());
      if (key !== null) return { key, claim: null };
      return { key: null, keyId: null, detail: "the access key is not one of this server's" };
    }
    const claim = readClaim(authorization);
    if (claim === null) {
      const detail = "the Authorization header is neither Bearer <access key> nor a signature";
      return { key: null, keyId: null, detail };
    }
    const { key, secrets } = keyring.byId(claim.keyId, now());
    // A key that is not known costs the same as a wrong signature, and is told the same.
    let isRight = false;
    for (const secret of secrets)
      isRight = isSame(signatureOf(claim, parts, secret), claim.signature) || isRight;
    if (key !== null && isRight) return { key, claim };
    const detail =
      key !== null && secrets.length === 0
        ? "the secret of this access key cannot be read here to check signatures: rotate the key, or send Authorization: Bearer <access key>"
        : "the signature does not match: check the id and the secret of the access key";
    return { key: null, keyId: key?.caller.keyId ?? null, detail };
  }

  function checkSigned(claim: Claim, parts: SignedParts): SignedBody {
    if (claim.scheme === "ACS3-HMAC-SHA256") {
      const open = MUST_BE_SIGNED.filter((name) => !claim.signedHeaders.includes(name));
      if (open.length > 0) throw refusal(`the signature must cover ${open.join(", ")}`);
    }
    takeOnce(claim, parts);
    if (claim.scheme === "acs") return { sha256: null, md5: parts.header("content-md5") ?? null };
    return { sha256: parts.header("x-acs-content-sha256") ?? "", md5: null };
  }

  function takeOnce({ keyId, scheme }: Claim, { header }: SignedParts): void {
    const dateName = scheme === "acs" ? "date" : "x-acs-date";
    const nonce = header("x-acs-signature-nonce") ?? "";
    const signedAtMs = Date.parse(header(dateName) ?? "");
    if (Number.isNaN(signedAtMs)) throw refusal(`${dateName} is not a time`);
    if (nonce === "" || nonce.length > 128)
      throw refusal("x-acs-signature-nonce must have 1 to 128 characters");
    switch (guard.take(keyId, nonce, signedAtMs, now())) {
      case "fresh":
        return;
      case "seen":
        throw refusal("this signed request has been sent before: sign each request anew");
      case "outside-window":
        throw refusal(
          `it was signed at ${new Date(signedAtMs).toISOString()}, which is more than ${windowMs / 1000} seconds from the time here, or before this server started: check the clocks`,
        );
      case "too-many":
        throw refusal(
          "too many signed requests within a short time; send Authorization: Bearer <access key>",
        );
    }
  }

  async function check(parts: SignedParts, address: string): Promise<Checked> {
    const authorization = parts.header("authorization");
    if (authorization === undefined) {
      throw refusal(
        "send the header Authorization: Bearer <access key>, or sign the request with an access key",
      );
    }
    keyring.use(await deps.keys());
    const shown = show(authorization, parts);
    const lockedMs = lockout.lockedMs(address, monotonic());
    const isProven = shown.key !== null && lockout.isProven(address, shown.key.caller.keyId);
    if (lockedMs > 0 && !isProven) {
      // The same for a right key: nobody can guess on while the lock is there.
      counts.locked += 1;
      throw new ServingError("TOO_MANY_FAILURES", { retryAfterS: Math.ceil(lockedMs / 1000) });
    }
    if (shown.key === null) {
      lockout.onFailure(address, shown.keyId, monotonic());
      throw refusal(shown.detail);
    }
    const { caller, expiresAtMs } = shown.key;
    if (expiresAtMs !== null && now() >= expiresAtMs)
      throw refusal(`access key ${caller.keyId} has expired: have an admin make another`);
    const body = shown.claim === null ? NO_BODY : checkSigned(shown.claim, parts);
    lockout.onSuccess(address, caller.keyId, monotonic());
    return { caller, body };
  }

  return {
    counts,
    async check(parts, address) {
      try {
        return await check(parts, address);
      } catch (error) {
        if (error instanceof ServingError && error.code === "UNAUTHORIZED") counts.unauthorized += 1;
        throw error;
      }
    },
  };
}

/** @throws ServingError UNAUTHORIZED when the body is not the one that was signed */
export function checkBody({ sha256: wanted, md5 }: SignedBody, body: string | Uint8Array): void {
  if (wanted !== null && !isSame(sha256(body), wanted))
    throw refusal("the body is not the one that was signed: x-acs-content-sha256 differs");
  if (md5 !== null && !isSame(createHash("md5").update(body).digest("base64"), md5))
    throw refusal("the body is not the one that was signed: content-md5 differs");
}

const refusal = (detail: string) => new ServingError("UNAUTHORIZED", { detail });
