import { AnswerComparison } from "../core/traffic/compare-answers.ts";
import type { MirrorDrop, MirrorRule } from "../core/traffic/mirror.ts";
import { continueRotation, nextMember, type Rotation } from "../core/traffic/pick.ts";
import { FIELD } from "../http1/field-names.ts";
import { METHOD, type MessageHead } from "../http1/message-head.ts";
import { findField } from "../http1/request-head.ts";
import { AnswerPair } from "./answer-pair.ts";
import type { FirstBytes } from "./first-bytes.ts";
import type { RequestAdditions } from "./head-rewrite.ts";
import { MIRROR_BODY_BYTES_MAX } from "./limits.ts";
import { MirrorCopy } from "./mirror-copy.ts";
import { MirrorTarget } from "./mirror-target.ts";
import type { Mirrors } from "./mirrors.ts";
import type { Service } from "./service.ts";

/** The one of the two in a rotation that stands for a copy. */
const COPIED = "copied";

/**
 * The mirror of one service: picks the requests that are copied, by the smooth picker, so that a ratio is exact over each hundred
 * and spread evenly within it. Lives from table to table, so that a table which does not concern it leaves the ratio exact.
 */
export class Mirror {
  readonly service: Service;
  targets: readonly MirrorTarget[] = [];
  /** How answers are compared; null: not at all. */
  comparison: AnswerComparison | null = null;
  sampleCount = 0;
  readonly #shared: Mirrors;
  #rotation: Rotation | null = null;
  #rule: MirrorRule | null = null;
  #isBodyCompared = false;

  constructor(service: Service, shared: Mirrors) {
    this.service = service;
    this.#shared = shared;
  }

  /** Puts a rule in force. Returns the targets that are none any more. */
  update(rule: MirrorRule, services: ReadonlyMap<string, Service>): MirrorTarget[] {
    const before = this.targets;
    this.targets = rule.targets.map((name) => {
      const service = services.get(name)!;
      return before.find((t) => t.service === service) ?? new MirrorTarget(service, this.#shared.plane);
    });
    const parts = [
      { service: COPIED, weight: rule.ratio },
      { service: "", weight: 100 - rule.ratio },
    ];
    this.#rotation = continueRotation(
      this.#rotation,
      parts.filter((p) => p.weight > 0),
    );
    if (JSON.stringify(rule.compare) !== JSON.stringify(this.#rule?.compare ?? null)) {
      this.comparison = rule.compare === null ? null : new AnswerComparison(rule.compare);
    }
    this.#isBodyCompared = rule.compare !== null && rule.compare.mode !== "status";
    this.sampleCount = rule.compare?.sampleCount ?? 0;
    this.#rule = rule;
    for (const target of this.targets) target.refresh();
    return before.filter((t) => !this.targets.includes(t));
  }

  /**
   * One more request of the service, of which `first` was just handed to its instance, with `bodyHere` bytes of its body. A copy
   * that has begun; or null, when the ratio leaves it out, when it is a copy itself, or when it was dropped.
   */
  begin(
    head: MessageHead,
    first: FirstBytes,
    bodyHere: number,
    isDone: boolean,
    exchange: RequestAdditions,
  ): MirrorCopy | null {
    if (first.buffer === null || findField(head, FIELD.X_SLUICE_MIRROR) !== -1) return null;
    const rotation = this.#rotation!;
    if (rotation.members[nextMember(rotation)]?.service !== COPIED) return null;
    if (head.contentLength > MIRROR_BODY_BYTES_MAX) {
      this.drop("tooLarge");
      return null;
    }
    if (this.#isRefused()) return null;
    const copy = MirrorCopy.begin(this, this.#shared.budget, {
      first,
      bodyBytes: bodyHere,
      bodyBytesLeft: isDone || head.contentLength < 0 ? 0 : head.contentLength - bodyHere,
      isHead: head.method === METHOD.HEAD,
      newPair: () => this.#newPair(head, exchange),
    });
    if (copy === null) this.drop("memory");
    else if (isDone) copy.ready();
    return copy;
  }

  /** No target would take a copy: it is dropped before it costs anything. This is what a target that hangs comes down to. */
  #isRefused(): boolean {
    for (const target of this.targets) if (target.refusal === null) return false;
    for (const target of this.targets) target.meter.drop(target.refusal!);
    return true;
  }

  #newPair(head: MessageHead, exchange: RequestAdditions): AnswerPair | null {
    if (this.comparison === null) return null;
    // An answer to an HTTP/1.0 client may be taken apart on its way; there is no second reader for its content.
    if (head.versionMinor === 0) {
      for (const target of this.targets) target.meter.uncompared++;
      return null;
    }
    const requestId = exchange.requestId.toString("latin1", 0, exchange.requestIdLength);
    return new AnswerPair(this, this.#shared.comparisons, this.#isBodyCompared, requestId);
  }

  /** A request is not copied to anybody. */
  drop(reason: MirrorDrop): void {
    for (const target of this.targets) target.meter.drop(reason);
  }

  /** All of a copy is here. */
  ready(copy: MirrorCopy): void {
    this.#shared.send(copy);
  }
}
