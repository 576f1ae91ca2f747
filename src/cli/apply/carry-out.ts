import { ApiError, UnreachableError } from "../../api/client.ts";
import { EXIT, type ExitCode, Failure } from "../cli-io.ts";
import { messageOf } from "../error-text.ts";
import { inParallel } from "../in-parallel.ts";
import type { Session } from "../session.ts";
import { waitUntilDeleted, waitUntilGroupGone, waitUntilRunning } from "../wait.ts";
import type { GroupDocument, ServiceDocument } from "./documents.ts";
import type { Step } from "./plan.ts";

/** What became of one step. `accepted`: it was ordered, and nobody waited. */
export interface Result {
  readonly step: Step;
  readonly outcome: "done" | "accepted" | "unchanged" | "failed" | "skipped";
  /** Why it failed, or was left out; empty when it did not. */
  readonly message: string;
}

export interface Manner {
  /** null: nobody waits. */
  readonly wait: { readonly timeoutSeconds: number } | null;
  /** Services worked on at once, from 1. */
  readonly atOnce: number;
  readonly isStoppingOnError: boolean;
}

/**
 * Carries a plan out: groups before their members, services side by side, and what is pruned at the very end, when everything else went
 * well. What fails is told and does not keep the others; after an interrupt nothing more is begun.
 */
export function carryOut(session: Session, steps: readonly Step[], manner: Manner): Promise<Result[]> {
  return session.io.interruptible(async (signal) => {
    const results: Result[] = [];
    const hasFailed = () => results.some((r) => r.outcome === "failed");
    const phase = async (chosen: readonly Step[], why: (step: Step) => string | null) => {
      await inParallel(manner.atOnce, chosen, async (step) => {
        const reason = signal.aborted
          ? "interrupted before it was begun"
          : manner.isStoppingOnError && hasFailed()
            ? "left out after a failure"
            : why(step);
        if (reason !== null) results.push({ step, outcome: "skipped", message: reason });
        else results.push(await doOne(session, step, manner));
      });
    };
    const of = (kind: Step["kind"], isDeleting: boolean) =>
      steps.filter((step) => step.kind === kind && (step.action === "delete") === isDeleting);
    await phase(of("group", false), () => null);
    const failedGroups = new Set(results.filter((r) => r.outcome === "failed").map((r) => r.step.name));
    await phase(of("service", false), ({ document }) =>
      document?.kind === "service" && failedGroups.has(document.group ?? "")
        ? `its group ${document.group} failed`
        : null,
    );
    // Pruning takes away for good: not after something went other than planned.
    const mayPrune = !results.some((r) => r.outcome === "failed" || r.outcome === "skipped");
    const why = () => (mayPrune ? null : "nothing is pruned after a failure");
    await phase(of("service", true), why);
    await phase(of("group", true), why);
    return results;
  });
}

async function doOne(session: Session, step: Step, manner: Manner): Promise<Result> {
  if (step.action === "unchanged") return { step, outcome: "unchanged", message: "" };
  const own = session.concerning(step.name);
  try {
    const code = await WORK[step.kind][step.action](own, step, manner);
    if (code !== EXIT.done)
      return { step, outcome: "failed", message: "it is not as it was asked for; see above" };
    return { step, outcome: manner.wait === null ? "accepted" : "done", message: "" };
  } catch (error) {
    if (!(error instanceof ApiError || error instanceof UnreachableError || error instanceof Failure))
      throw error;
    const isRefusal = error instanceof ApiError;
    const source = step.document === null ? "" : `${step.document.source}: `;
    const message = source + (isRefusal ? `${error.code}: ${messageOf(error)}` : error.message);
    own.error(message);
    if (isRefusal && error.requestId !== "") own.warn(`[RequestId]: ${error.requestId}`);
    return { step, outcome: "failed", message };
  }
}

type Work = (session: Session, step: Step, manner: Manner) => Promise<ExitCode>;

const WORK: Record<Step["kind"], Record<Exclude<Step["action"], "unchanged">, Work>> = {
  group: { create: createGroup, update: updateGroup, delete: deleteGroup },
  service: { create: createService, update: updateService, delete: deleteService },
};

async function createGroup(session: Session, { name, document }: Step): Promise<ExitCode> {
  const { labels, body } = document as GroupDocument;
  const { Message } = await session.client.call("CreateGroup", { body: { Name: name, Labels: labels } });
  if (Object.keys(body).length > 0)
    await session.client.call("UpdateGroup", { path: await groupPath(session, name), body });
  session.ok(Message);
  return EXIT.done;
}

async function updateGroup(session: Session, { name, document }: Step): Promise<ExitCode> {
  const { labels, body } = document as GroupDocument;
  const { Message } = await session.client.call("UpdateGroup", {
    path: await groupPath(session, name),
    body: { ...body, Labels: labels },
  });
  session.ok(Message);
  return EXIT.done;
}

async function deleteGroup(session: Session, { name }: Step, { wait }: Manner): Promise<ExitCode> {
  const path = await groupPath(session, name);
  try {
    const { Message } = await session.client.call("DeleteGroup", { path, query: { CascadeDelete: false } });
    session.ok(Message);
  } catch (error) {
    // A group that nobody created by itself goes with its last member.
    if (error instanceof ApiError && error.code === "GROUP_NOT_FOUND") return EXIT.done;
    throw error;
  }
  return wait === null ? EXIT.done : waitUntilGroupGone(session, path, wait);
}

const groupPath = async (session: Session, GroupName: string) => ({
  ClusterId: await session.region(),
  GroupName,
});

async function createService(session: Session, { document }: Step, { wait }: Manner): Promise<ExitCode> {
  const answer = await session.client.call("CreateService", { body: (document as ServiceDocument).text });
  session.warnOf(answer);
  session.ok("Service is now creating");
  if (wait === null) return EXIT.done;
  const path = { ClusterId: answer.Region, ServiceName: answer.ServiceName };
  return waitUntilRunning(session, path, { ...wait, generation: answer.Generation });
}

async function updateService(session: Session, step: Step, { wait }: Manner): Promise<ExitCode> {
  const path = await session.service(step.name);
  const answer = await session.client.call("UpdateService", {
    path,
    query: { UpdateType: "replace" },
    body: (step.document as ServiceDocument).text,
  });
  session.warnOf(answer);
  // A stopped service takes the change and stays stopped.
  if (wait === null || step.status === "Stopped" || step.status === "Stopping") {
    session.ok("Service was updated");
    return EXIT.done;
  }
  session.ok("Service is now updating");
  return waitUntilRunning(session, path, { ...wait, generation: answer.Generation });
}

async function deleteService(session: Session, { name }: Step, { wait }: Manner): Promise<ExitCode> {
  const path = await session.service(name);
  const answer = await session.client.call("DeleteService", { path });
  session.ok(answer.Message);
  return wait === null
    ? EXIT.done
    : waitUntilDeleted(session, path, { ...wait, generation: answer.Generation });
}
