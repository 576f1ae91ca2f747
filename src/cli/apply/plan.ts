import { ApiError } from "../../api/client.ts";
import type { Group, Service } from "../../api/objects.ts";
import { Failure } from "../cli-io.ts";
import { messageOf } from "../error-text.ts";
import { inParallel } from "../in-parallel.ts";
import { CHANGES, type Plan } from "../plan-text.ts";
import { problemsText } from "../problems.ts";
import { listServices } from "../service-list.ts";
import type { Session } from "../session.ts";
import {
  type Document,
  type GroupDocument,
  type Labels,
  SET_LABEL,
  type ServiceDocument,
  withLabel,
} from "./documents.ts";

/** What becomes of one service or group. */
export interface Step {
  readonly kind: "service" | "group";
  readonly name: string;
  readonly action: "create" | "update" | "unchanged" | "delete";
  /** null: it is deleted. */
  readonly document: Document | null;
  readonly differences: Plan["Differences"];
  /** What the server says about an update of a service. */
  readonly plan: Plan | null;
  /** Status of a service before it; empty for a group, and for what is new. */
  readonly status: string;
}

/** What is asked for beside the documents. */
export interface Wanted {
  /** Name of the set that the documents are; null: they are none. */
  readonly set: string | null;
  /** Only what carries these labels. */
  readonly selector: Labels;
  readonly isPruning: boolean;
}

/** Calls at once: a plan of a thousand services shall neither take minutes nor be a burden. */
const CALLS_AT_ONCE = 8;
const PAGE_SIZE = 1000;

/**
 * Compares documents with what the server has, without changing anything. Groups stand first, what is deleted last.
 * @throws Failure with everything that the server refuses
 */
export async function planDocuments(
  session: Session,
  documents: readonly Document[],
  wanted: Wanted,
): Promise<Step[]> {
  const ClusterId = await session.region();
  const { Services } = await listServices(session, {});
  const Groups = await listGroups(session);
  const services = new Map(Services.map((service) => [service.ServiceName, service]));
  const groups = new Map(Groups.map((group) => [group.Name, group]));
  const chosen = documents
    .map((document) => inSet(document, wanted.set, services, groups))
    .filter((document) => carries(document.labels, wanted.selector));
  const problems: string[] = [];
  const steps = await inParallel(CALLS_AT_ONCE, chosen, async (document) => {
    try {
      return document.kind === "group"
        ? groupStep(document, groups.get(document.name))
        : await serviceStep(session, ClusterId, document, services.get(document.name));
    } catch (error) {
      if (!(error instanceof ApiError || error instanceof Failure)) throw error;
      const text = error instanceof ApiError ? `${error.code}: ${messageOf(error)}` : error.message;
      problems.push(`${document.source}: ${text}`);
      return null;
    }
  });
  if (problems.length > 0)
    throw new Failure(`nothing was changed, for\n  ${problems.toSorted().join("\n  ")}`);
  const going = wanted.isPruning ? prunable(documents, wanted, Services, Groups) : [];
  const kept = steps.filter((step) => step !== null);
  return [
    ...kept.filter((step) => step.kind === "group"),
    ...kept.filter((step) => step.kind === "service"),
    ...going,
  ];
}

/**
 * With the label of the set; without a set with the label that it has, so that an apply by hand does not take something out
 * of its set, which would never be pruned again.
 */
function inSet(
  document: Document,
  set: string | null,
  services: ReadonlyMap<string, Service>,
  groups: ReadonlyMap<string, Group>,
): Document {
  const present = (document.kind === "service" ? services : groups).get(document.name);
  const label = set ?? (present === undefined ? undefined : labelsOf(present)[SET_LABEL]);
  if (label === undefined || document.labels[SET_LABEL] === label) return document;
  if (document.labels[SET_LABEL] !== undefined) {
    if (set === null) return document;
    throw new Failure(
      `${document.source} says itself that it belongs to the set ${document.labels[SET_LABEL]}, and not to ${set}`,
    );
  }
  const labels = { ...document.labels, [SET_LABEL]: label };
  return document.kind === "group"
    ? { ...document, labels }
    : { ...document, labels, text: withLabel(document.text, SET_LABEL, label) };
}

async function serviceStep(
  session: Session,
  ClusterId: string,
  document: ServiceDocument,
  present: Service | undefined,
): Promise<Step> {
  const { name } = document;
  const fresh = { kind: "service", name, document } as const;
  if (present === undefined) {
    await judgeNew(session, document);
    return { ...fresh, action: "create", differences: [], plan: null, status: "" };
  }
  if (present.Status === "Deleting")
    throw new Failure(`service ${name} is being deleted; apply again when it is gone`);
  const { Plan: plan } = await session.client.call("UpdateService", {
    path: { ClusterId, ServiceName: name },
    query: { UpdateType: "replace", Plan: true },
    body: document.text,
  });
  const differences = plan!.Differences;
  const action = differences.length === 0 && plan!.Change === "nothing" ? "unchanged" : "update";
  return { ...fresh, action, differences, plan: plan!, status: present.Status };
}

/**
 * What create would say to it, so that it is refused before anything is done.
 * @throws Failure
 */
async function judgeNew(session: Session, { name, text }: ServiceDocument): Promise<void> {
  const { Problems, Refusal, Exists } = await session.client.call("ValidateService", { body: text });
  if (Refusal !== null) {
    const message = Problems.length < 2 ? Refusal.Message : problemsText(Problems);
    throw new Failure(`${Refusal.Code}: ${message}`);
  }
  if (Exists) throw new Failure(`somebody else made a service ${name} meanwhile; apply again`);
}

function groupStep(document: GroupDocument, present: Group | undefined): Step {
  const fresh = { kind: "group", name: document.name, document, plan: null, status: "" } as const;
  if (present === undefined) return { ...fresh, action: "create", differences: [] };
  const { TrafficMode, Sticky } = document.body;
  const differences = [
    ...difference("$.TrafficMode", present.TrafficMode, TrafficMode),
    ...difference("$.Sticky", present.Sticky, Sticky),
    ...labelDifferences(labelsOf(present), document.labels),
  ];
  return { ...fresh, action: differences.length === 0 ? "unchanged" : "update", differences };
}

/** What a document does not say about a group stays as it is. */
const difference = (Path: string, from: string, to: string | undefined): Plan["Differences"] =>
  to === undefined || to === from ? [] : [{ Path, From: JSON.stringify(from), To: JSON.stringify(to) }];

function labelDifferences(from: Labels, to: Labels): Plan["Differences"] {
  const json = (value: string | undefined) => (value === undefined ? null : JSON.stringify(value));
  return [...new Set([...Object.keys(from), ...Object.keys(to)])]
    .filter((key) => from[key] !== to[key])
    .toSorted()
    .map((key) => ({
      Path: `$.Labels[${JSON.stringify(key)}]`,
      From: json(from[key]),
      To: json(to[key]),
    }));
}

/** What carries the labels of the set or the selector, and no document describes. Services stand before their groups. */
function prunable(
  documents: readonly Document[],
  { set, selector }: Wanted,
  services: readonly Service[],
  groups: readonly Group[],
): Step[] {
  const mark = set === null ? selector : { ...selector, [SET_LABEL]: set };
  if (Object.keys(mark).length === 0) throw new Failure("nothing says what may be pruned");
  const isDescribed = (kind: Step["kind"], name: string) =>
    documents.some((document) => document.kind === kind && document.name === name);
  const gone = { action: "delete" as const, document: null, differences: [], plan: null };
  return [
    ...services
      .filter((s) => s.Status !== "Deleting" && carries(labelsOf(s), mark))
      .filter((s) => !isDescribed("service", s.ServiceName))
      .map((s) => ({ ...gone, kind: "service" as const, name: s.ServiceName, status: s.Status })),
    ...groups
      .filter((g) => carries(labelsOf(g), mark) && !isDescribed("group", g.Name))
      .map((g) => ({ ...gone, kind: "group" as const, name: g.Name, status: "" })),
  ];
}

const carries = (labels: Labels, wanted: Labels) =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value);

const labelsOf = ({ Labels }: Pick<Service | Group, "Labels">): Labels =>
  Object.fromEntries(Labels.map(({ LabelKey, LabelValue }) => [LabelKey, LabelValue]));

async function listGroups(session: Session): Promise<Group[]> {
  const groups: Group[] = [];
  for (let PageNumber = 1; ; PageNumber += 1) {
    const page = await session.client.call("ListGroups", { query: { PageNumber, PageSize: PAGE_SIZE } });
    groups.push(...page.Groups);
    if (page.Groups.length < PAGE_SIZE) return groups;
  }
}

/** How far an update reaches, in words; empty for everything else. */
export const howText = (step: Step): string =>
  step.plan === null || step.action !== "update" ? "" : CHANGES[step.plan.Change];
