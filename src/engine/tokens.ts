import { createHash, timingSafeEqual } from "node:crypto";

const BEARER = /^bearer +/i;

const digest = (text: string) => createHash("sha256").update(text, "latin1").digest();

/** The tokens that open an instance to direct callers. With none, nobody gets in. */
export class Tokens {
  readonly #digests: readonly Buffer[];

  constructor(tokens: readonly string[]) {
    this.#digests = tokens.map(digest);
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
}
