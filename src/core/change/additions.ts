import { mergeDocuments } from "../spec/merge.ts";
import { parseSpec } from "../spec/parse.ts";
import type { JsonObject, ParsedSpec } from "../spec/service-spec.ts";
import { invalid, metadataOf } from "./decision.ts";

/** What a request adds to the service.json that it carries (eas-reference §8.2, CreateService and CloneService). */
export interface Additions {
  /** They win over labels of the same name in the document. */
  readonly labels?: Readonly<Record<string, string>>;
  /** For `metadata.workspace_id`. */
  readonly workspaceId?: string;
}

/**
 * The document with what was added. What is not effective stays named as the user spelled it.
 * @throws ServingError INVALID_SPEC; INVALID_ARGUMENT when the document names another workspace
 */
export function withAdditions(parsed: ParsedSpec, { labels, workspaceId }: Additions): ParsedSpec {
  const stated = metadataOf(parsed.document).workspace_id;
  if (workspaceId !== undefined && stated !== undefined && String(stated) !== workspaceId) {
    const allowed = `${String(stated)}: the document has it as metadata.workspace_id`;
    throw invalid({ path: "?WorkspaceId", found: workspaceId.slice(0, 80), allowed });
  }
  const added: JsonObject = {
    ...(labels === undefined || Object.keys(labels).length === 0 ? {} : { labels }),
    ...(workspaceId === undefined || stated !== undefined ? {} : { metadata: { workspace_id: workspaceId } }),
  };
  if (Object.keys(added).length === 0) return parsed;
  const { spec, document } = parseSpec(mergeDocuments(parsed.document, added));
  return { spec, document, notEffective: parsed.notEffective };
}
