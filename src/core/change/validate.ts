import { type Problem, ServingError } from "../errors.ts";
import type { ServiceName } from "../names.ts";
import type { DesiredState, ServiceRecord } from "../service.ts";
import type { ChangeKind } from "../spec/classify.ts";
import type { Examined } from "../spec/parse.ts";
import { examineSpec } from "../spec/parse.ts";
import type { ParsedSpec } from "../spec/service-spec.ts";
import { type UpdateMode, updatedSpec } from "../spec/updated.ts";
import { createService } from "./create.ts";
import { findLasting } from "./decision.ts";
import { reachOf } from "./reach.ts";
import { updateService } from "./update.ts";

/** What a document is held against. */
export interface ValidateRequest {
  readonly document: unknown;
  /** The service that it is to change; null: it is to be a service of its own. */
  readonly update: { readonly name: ServiceName; readonly mode: UpdateMode } | null;
}

/** What create or update would say to a document. */
export interface Validation {
  /** The document as it would be afterwards; null: it is refused. */
  readonly examined: Examined | null;
  /** What is wrong with it, when it is for what stands in it. */
  readonly problems: readonly Problem[];
  /** Why it is refused; null: it is not. */
  readonly refusal: ServingError | null;
  /** There is a service of its name already, so that create would refuse it. Not looked at for an update. */
  readonly isTaken: boolean;
  /** What it would change; null: it is refused, or for a service of its own. */
  readonly change: { readonly before: ServiceRecord; readonly kind: ChangeKind } | null;
}

/** What a decision needs of a machine. */
export interface ValidateParts {
  /** @throws ServingError for what this machine has not */
  readonly refuseMissing: (parsed: ParsedSpec) => void;
}

/** Nothing is made by it. */
const CONTEXT = { nowMs: 0, serviceId: "", serviceToken: "", groupToken: "" };

/**
 * What create or update would say to a document, all problems at once; nothing is changed.
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING of the service to update
 */
export function validateDocument(
  state: DesiredState,
  { document, update }: ValidateRequest,
  { refuseMissing }: ValidateParts,
): Validation {
  const before = update === null ? null : findLasting(state, update.name);
  let isTaken = false;
  try {
    const examined =
      before === null
        ? examineSpec(document)
        : updatedSpec(before.document, document, update!.mode, examineSpec);
    refuseMissing(examined);
    if (before === null) {
      isTaken = state.services.has(examined.spec.name);
      if (!isTaken) createService(state, examined, CONTEXT);
      return { examined, problems: [], refusal: null, isTaken, change: null };
    }
    const kind = reachOf(before, examined);
    updateService(state, { name: before.name, after: examined, reach: kind }, CONTEXT);
    return { examined, problems: [], refusal: null, isTaken, change: { before, kind } };
  } catch (error) {
    if (!(error instanceof ServingError)) throw error;
    const { problems = [] } = error.facts as { problems?: readonly Problem[] };
    return { examined: null, problems, refusal: error, isTaken, change: null };
  }
}
