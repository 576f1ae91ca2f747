import { createHash, timingSafeEqual } from "node:crypto";
import { isHmacSha1 } from "../base/message-digest.ts";
import type { AccessRules } from "../core/instance-spec.ts";
import type { SignedRequest } from "../http1/signed-request.ts";

const BEARER = /^bearer +/i;

const digest = (text: string) => createHash("sha256").update(text, "latin1").digest();

/** The tokens that open an instance to direct callers. With none, nobody gets in. */
export class Tokens {
  /** The body of a signed request is to be checked. */
  isBodyChecked = true;
  #digests: readonly Buffer[] = [];
  #keys: readonly Buffer[] = [];

  constructor(rules: AccessRules) {
    this.replace(rules);
  }

  /** From the next request on, these rules are in force. */
  replace({ tokens, isBodyChecked }: AccessRules): void {
    this.isBodyChecked = isBodyChecked;
    this.#digests = tokens.map(digest);
    this.#keys = tokens.map((token) => Buffer.from(token, "latin1"));
  }

  /**
   * Checks the value of an Authorization field, the token alone or behind `Bearer ` (eas-reference §3.2). Digests of
   * equal length are compared, all of them, in constant time, so timing tells nothing about a token.
   */
  opens(authorization: string): boolean {
    const given = digest(authorization.replace(BEARER, ""));
    let isFound = false;
    for (const known of this.#digests) if (timingSafeEqual(known, given)) isFound = true;
    return isFound;
  }

  /** True when one of the tokens made the signature. */
  haveSigned({ signature, texts }: SignedRequest): boolean {
    return texts.some((text) => isHmacSha1(signature, text, this.#keys));
  }
}
