import type { DataPathReason } from "../core/errors.ts";
import { FIELD_STRIDE, type MessageHead } from "../http1/message-head.ts";
import { readSignature } from "../http1/signed-request.ts";
import type { EngineLimits } from "./limits.ts";
import type { RequestPaths } from "./request-front.ts";
import type { Tokens } from "./tokens.ts";

/** Who may send what to one listener. */
export class Admission {
  readonly #paths: RequestPaths;
  readonly #tokens: Tokens | null;
  readonly #limits: EngineLimits;
  /** After `check` let a signed request in: the Content-MD5 that its body is to be checked against. Null for all others. */
  bodyMd5: string | null = null;

  /** `tokens` is null where none is asked: at the gateways' socket, guarded by its folder. */
  constructor(paths: RequestPaths, tokens: Tokens | null, limits: EngineLimits) {
    this.#paths = paths;
    this.#tokens = tokens;
    this.#limits = limits;
  }

  /** Who connects there is a gateway. */
  get isForGateways(): boolean {
    return this.#tokens === null;
  }

  /** Index in `buf` of the path to hand on, or why the request of this head is refused. */
  check(head: MessageHead, buf: Buffer): number | DataPathReason {
    const path = this.#paths.strip(buf, head.pathFrom, head.targetTo);
    if (this.#tokens !== null && !this.#isAuthorized(this.#tokens, head, buf)) return "TOKEN_REQUIRED";
    if (head.contentLength > this.#limits.bodyBytesMax) return "BODY_TOO_LARGE";
    if (path !== -1) return path;
    // A gateway has routed already, perhaps by the name of a group: to it every path is the processor's.
    return this.#tokens === null ? head.pathFrom : "ROUTE_NOT_FOUND";
  }

  #isAuthorized(tokens: Tokens, head: MessageHead, buf: Buffer): boolean {
    if (head.authorizationAt === -1 || head.isAuthorizationRepeated) return false;
    const slot = head.authorizationAt * FIELD_STRIDE;
    this.bodyMd5 = null;
    const name = this.#paths.isGroups ? "group" : "service";
    if (tokens.opens(buf.toString("latin1", head.fields[slot + 2]!, head.fields[slot + 3]!), name))
      return true;
    const signed = readSignature(head, buf);
    if (signed === null || !tokens.haveSigned(signed, name)) return false;
    if (tokens.isBodyChecked && signed.bodyMd5 !== "") this.bodyMd5 = signed.bodyMd5;
    return true;
  }
}
