import { createHash, timingSafeEqual } from "node:crypto";
import { ServingError } from "../core/errors.ts";
import { type Claim, readClaim } from "./signing/claim.ts";
import { ReplayGuard } from "./signing/replay-guard.ts";
import { type SignedParts, sha256, signatureOf } from "./signing/signature.ts";

/** Id and secret of somebody who may use the API. */
export interface AccessKey {
  readonly id: string;
  readonly secret: string;
}

/** Who has shown to have a key. */
export interface Caller {
  /** SHA-256 in hex that the body has to have; null: the signature says nothing of the body, or there is none. */
  readonly bodySha256: string | null;
}

/** Decides who may ask. */
export interface Access {
  /** @throws ServingError UNAUTHORIZED */
  check(parts: SignedParts): Caller;
}

/** A signature of the newer form without one of these could be used for another request, or twice. */
const MUST_BE_SIGNED = ["x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"];

const digest = (text: string) => createHash("sha256").update(text).digest();
const isSame = (a: string, b: string) => timingSafeEqual(digest(a), digest(b));

/**
 * Takes `Authorization: Bearer <secret>`, and requests that are signed by a key as the SDKs of PAI-EAS do (eas-reference §7.7). All keys
 * are compared, and by digests of one length, so that the time taken tells nothing of how much was right. `now` is wall clock, ms since 1970.
 */
export function createAccess(keys: readonly AccessKey[], now: () => number): Access {
  const guard = new ReplayGuard(now());

  function bearer(given: string): Caller {
    let isKnown = false;
    for (const key of keys) isKnown = isSame(given, key.secret) || isKnown;
    if (!isKnown) throw refusal("the access key is not one of this server's");
    return { bodySha256: null };
  }

  function signed(claim: Claim, parts: SignedParts): Caller {
    const key = keys.find(({ id }) => id === claim.keyId);
    // One that is not known costs the same as a wrong signature, and is told the same.
    const wanted = signatureOf(claim, parts, key?.secret ?? "");
    if (!isSame(wanted, claim.signature) || key === undefined) {
      throw refusal("the signature does not match: check the id and the secret of the access key");
    }
    if (claim.scheme === "ACS3-HMAC-SHA256") {
      const open = MUST_BE_SIGNED.filter((name) => !claim.signedHeaders.includes(name));
      if (open.length > 0) throw refusal(`the signature must cover ${open.join(", ")}`);
    }
    takeOnce(claim, parts);
    return { bodySha256: claim.scheme === "acs" ? null : (parts.header("x-acs-content-sha256") ?? "") };
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
          `it was signed at ${new Date(signedAtMs).toISOString()}, which is more than 15 minutes from the time here, or before this server started: check the clocks`,
        );
      case "too-many":
        throw refusal("too many signed requests within 30 minutes; send Authorization: Bearer <access key>");
    }
  }

  return {
    check(parts) {
      const authorization = parts.header("authorization");
      if (authorization === undefined) {
        throw refusal(
          "send the header Authorization: Bearer <access key>, or sign the request with an access key",
        );
      }
      const given = /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
      if (given !== undefined) return bearer(given);
      const claim = readClaim(authorization);
      if (claim !== null) return signed(claim, parts);
      throw refusal("the Authorization header is neither Bearer <access key> nor a signature");
    },
  };
}

/** @throws ServingError UNAUTHORIZED when the body is not the one that was signed */
export function checkBody(caller: Caller, body: string | Uint8Array): void {
  if (caller.bodySha256 !== null && !isSame(sha256(body), caller.bodySha256))
    throw refusal("the body is not the one that was signed: x-acs-content-sha256 differs");
}

const refusal = (detail: string) => new ServingError("UNAUTHORIZED", { detail });
