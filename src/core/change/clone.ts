import type { ServiceRecord } from "../service.ts";
import { mergeDocuments } from "../spec/merge.ts";
import { parseSpec } from "../spec/parse.ts";
import type { ParsedSpec } from "../spec/service-spec.ts";
import { type Additions, withAdditions } from "./additions.ts";
import { invalid } from "./decision.ts";

/**
 * CloneService: what a new service shall be that is as `source` is now, but for what `given` says, a part of a service.json that is merged
 * as an update is and has to name it. It gets a token of its own unless `given` has one: a token opens one service. Instance count, group
 * and traffic state are those of now; mirror, rollout rule, safety lock, weight and earlier versions are not part of the document, and
 * stay with the source.
 * @throws ServingError INVALID_SPEC; INVALID_ARGUMENT when `given` names no other service
 */
export function cloneSpec(source: ServiceRecord, given: unknown, additions: Additions): ParsedSpec {
  const { token: _, ...document } = source.document;
  const parsed = withAdditions(parseSpec(mergeDocuments(document, given)), additions);
  if (parsed.spec.name === source.name) {
    const allowed = "a name that no service has: the body is a part of a service.json with metadata.name";
    throw invalid({ path: "$.metadata.name", found: source.name, allowed });
  }
  return parsed;
}
