import { createHash, timingSafeEqual } from "node:crypto";
import { isHmacSha1 } from "../base/message-digest.ts";
import type { AccessRules } from "../core/instance-spec.ts";
import type { SignedRequest } from "../http1/signed-request.ts";

const BEARER = /^bearer +/i;

const digest = (text: string) => createHash("sha256").update(text, "latin1").digest();

/** What is kept of some tokens, to compare others with. */
interface Keys {
  readonly digests: readonly Buffer[];
  readonly bytes: readonly Buffer[];
}

const keysOf = (tokens: readonly string[]): Keys => ({
  digests: tokens.map(digest),
  bytes: tokens.map((token) => Buffer.from(token, "latin1")),
});

/** The tokens that open an instance to direct callers: by its service's name all of them, by its group's the group's. With none, nobody gets in. */
export class Tokens {
  /** The body of a signed request is to be checked. */
  isBodyChecked = true;
  #all: Keys = keysOf([]);
  #groups: Keys = keysOf([]);

  constructor(rules: AccessRules) {
    this.replace(rules);
  }

  /** From the next request on, these rules are in force. */
  replace({ tokens, groupTokens, isBodyChecked }: AccessRules): void {
    this.isBodyChecked = isBodyChecked;
    this.#all = keysOf(tokens);
    this.#groups = keysOf(groupTokens ?? []);
  }

  /**
   * Checks the value of an Authorization field, the token alone or behind `Bearer ` (eas-reference §3.2). Digests of
   * equal length are compared, all of them, in constant time, so timing tells nothing about a token.
   */
  opens(authorization: string, name: "service" | "group"): boolean {
    const given = digest(authorization.replace(BEARER, ""));
    let isFound = false;
    for (const known of this.#keysFor(name).digests) if (timingSafeEqual(known, given)) isFound = true;
    return isFound;
  }

  /** True when one of the tokens made the signature. */
  haveSigned({ signature, texts }: SignedRequest, name: "service" | "group"): boolean {
    const { bytes } = this.#keysFor(name);
    return texts.some((text) => isHmacSha1(signature, text, bytes));
  }

  #keysFor(name: "service" | "group"): Keys {
    return name === "group" ? this.#groups : this.#all;
  }
}
