import { createHash, timingSafeEqual } from "node:crypto";
import { ServingError } from "../core/errors.ts";

const digest = (text: string) => createHash("sha256").update(text).digest();

/**
 * Checks `Authorization: Bearer <key>`. All keys are compared, and by digests of one length, so that the time taken
 * tells nothing of how much was right.
 * @throws ServingError UNAUTHORIZED
 */
export function createAccess(keys: readonly string[]): (authorization: string | undefined) => void {
  const digests = keys.map(digest);
  return (authorization) => {
    if (authorization === undefined) {
      throw new ServingError("UNAUTHORIZED", {
        detail: "send the header Authorization: Bearer <access key>",
      });
    }
    const given = /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
    if (given === undefined) {
      throw new ServingError("UNAUTHORIZED", {
        detail: "the Authorization header is not of the form Bearer <access key>",
      });
    }
    const own = digest(given);
    let isKnown = false;
    for (const key of digests) isKnown = timingSafeEqual(own, key) || isKnown;
    if (!isKnown)
      throw new ServingError("UNAUTHORIZED", { detail: "the access key is not one of this server's" });
  };
}
