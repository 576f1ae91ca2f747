import type { GroupName, ServiceName } from "../names.ts";
import type { DesiredState, GroupRecord, ServiceRecord, ServiceVersion, TokenHolder } from "../service.ts";
import { maskedDocument } from "../spec/difference.ts";
import type { JsonObject } from "../spec/service-spec.ts";

/** Stands for a secret in what a viewer is shown. */
export const MASK = "***";

/** Documents never change, and lists of many services are asked for often. */
const documents = new WeakMap<JsonObject, JsonObject>();
const originals = new WeakMap<JsonObject, JsonObject>();

/** The document that a masked one was made of, to work out what is no secret; any other as it is. Nothing of it goes to a viewer unmasked. */
export const originalOf = (document: JsonObject): JsonObject => originals.get(document) ?? document;

const states = new WeakMap<DesiredState, DesiredState>();

/** What is wanted as a viewer may read it: without tokens, and without what a service.json holds secret (values of env, say). */
export function maskedState(state: DesiredState): DesiredState {
  const known = states.get(state);
  if (known !== undefined) return known;
  const made = maskedAnew(state);
  states.set(state, made);
  return made;
}

function maskedAnew(state: DesiredState): DesiredState {
  return {
    services: new Map<ServiceName, ServiceRecord>([...state.services].map(([n, r]) => [n, maskedService(r)])),
    groups: new Map<GroupName, GroupRecord>(
      [...state.groups].map(([n, r]) => [n, { ...r, ...withoutTokens(r) }]),
    ),
    versions: new Map<ServiceName, readonly ServiceVersion[]>(
      [...state.versions].map(([n, list]) => [n, list.map((v) => ({ ...v, document: masked(v.document) }))]),
    ),
    accessKeys: new Map(),
  };
}

const maskedService = (record: ServiceRecord): ServiceRecord => ({
  ...record,
  ...withoutTokens(record),
  document: masked(record.document),
});

const withoutTokens = ({ olderTokens }: TokenHolder) => ({
  token: MASK,
  olderTokens: olderTokens.map((older) => ({ ...older, token: MASK })),
});

function masked(document: JsonObject): JsonObject {
  const known = documents.get(document);
  if (known !== undefined) return known;
  const made = maskedDocument(document);
  documents.set(document, made);
  originals.set(made, document);
  return made;
}
