import type { OperationName } from "../api/paths.ts";
import type { DocumentReport } from "../control/control-plane.ts";
import { publishedSchema } from "../core/spec/published-schema.ts";
import type { NotEffectiveField } from "../core/spec/standings.ts";
import { type Handler, serviceName } from "./handler.ts";
import { previewView } from "./preview-view.ts";

type Documents = Extract<OperationName, "ValidateService" | "DescribeServiceSchema">;

/** What is said of a service.json before anything is made of it. */
export const DOCUMENT_HANDLERS: { readonly [N in Documents]: Handler<N> } = {
  async ValidateService({ query, body }, { control }) {
    const update =
      query.ServiceName === undefined
        ? null
        : { name: serviceName(query.ServiceName), mode: query.UpdateType ?? "merge" };
    return reportView(await control.validate({ document: body, update }));
  },
  async DescribeServiceSchema() {
    return publishedSchema();
  },
};

function reportView({ examined, problems, refusal, isTaken, preview }: DocumentReport) {
  const idle = examined?.notEffective ?? [];
  return {
    Valid: refusal === null,
    Problems: problems.map(({ path, found, allowed }) => ({ Path: path, Found: found, Allowed: allowed })),
    Refusal: refusal === null ? null : { Code: refusal.code, Message: refusal.message },
    Exists: isTaken,
    Runtime: examined?.runtime ?? null,
    Fields: (examined?.standings ?? []).map(({ path, standing }) => ({
      Path: path,
      Standing: standing.kind,
      Reason: standing.kind === "effective" ? null : standing.reason,
    })),
    Defaults: (examined?.defaults ?? []).map(({ path, value }) => ({
      Path: path,
      Value: JSON.stringify(value),
    })),
    ...(idle.length === 0 ? {} : { NotEffective: idle.map(({ path }) => path) }),
    ...(preview === null ? {} : { Plan: previewView(preview) }),
  };
}

/** What an answer says of fields that do nothing: their paths, as ever, and the reasons beside them. */
export function notEffectiveView(fields: readonly NotEffectiveField[]) {
  if (fields.length === 0) return {};
  return {
    NotEffective: fields.map(({ path }) => path),
    NotEffectiveFields: fields.map(({ path, reason }) => ({ Path: path, Reason: reason })),
  };
}
