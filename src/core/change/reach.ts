import type { ServiceRecord } from "../service.ts";
import { type ChangeKind, classifyChange } from "../spec/classify.ts";
import { parseSpec } from "../spec/parse.ts";
import type { ParsedSpec } from "../spec/service-spec.ts";

/** How far a change of a service's document reaches. A stored one that this build cannot read any more is replaced whole: a new version. */
export function reachOf(before: Pick<ServiceRecord, "document">, after: ParsedSpec): ChangeKind {
  try {
    return classifyChange(parseSpec(before.document).spec, after.spec);
  } catch {
    return "new-version";
  }
}
