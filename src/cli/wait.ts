import { ApiError, UnreachableError } from "../api/client.ts";
import type { Service } from "../api/objects.ts";
import { EXIT, type ExitCode, Misuse } from "./cli-io.ts";
import type { Session } from "./session.ts";
import { textOption, type VerbOptions } from "./verb.ts";

/** Between two looks: short enough to show every phase, long enough to cost nothing. */
const POLL_MS = 250;
/** A model of many GB over a slow line takes minutes; whoever has one sets --timeout. */
export const TIMEOUT_SECONDS = 600;

export interface WaitOptions {
  /** The change that is waited for: a status of an earlier generation says nothing about it. */
  readonly generation: number;
  readonly timeoutSeconds: number;
}

/** `--wait`, `--no-wait` and `--timeout`; null: do not wait. A verb waits unless told; see `askedToWait` for others. */
export function waitOptions(options: VerbOptions): { readonly timeoutSeconds: number } | null {
  const seconds = textOption(options, "timeout") ?? String(TIMEOUT_SECONDS);
  if (!/^[1-9]\d{0,5}$/.test(seconds))
    throw new Misuse(`--timeout ${seconds}: a whole number of seconds, from 1`);
  return options.wait === false ? null : { timeoutSeconds: Number(seconds) };
}

/** The same for a verb that waits only when told: `--wait`, or `--timeout`, which would mean nothing else. */
export function askedToWait(options: VerbOptions): { readonly timeoutSeconds: number } | null {
  const wait = waitOptions(options);
  return options.wait === true || textOption(options, "timeout") !== undefined ? wait : null;
}

/** Message of a service that runs as it was asked for (eas-reference §6.8). */
const RUNS_WHOLE = "Service start successfully";
/** Reasons whose message says what somebody can do about it, or what is waited for. */
const TELLING = ["FETCH_FAILED", "NO_ROOM", "BATCH_WAITING"];

export type ServicePath = { readonly ClusterId: string; readonly ServiceName: string };

const counts = (s: Service) =>
  `[Total: ${s.TotalInstance}, Pending: ${s.PendingInstance}, Running: ${s.RunningInstance}]`;

/** Shows what happens until the service runs, and tells whether it does. */
export function waitUntilRunning(
  session: Session,
  path: ServicePath,
  options: WaitOptions,
): Promise<ExitCode> {
  const show = shower();
  return watch(session, path, options, "running", async (service) => {
    if (service === null) return gone(session, path);
    if (service.ObservedGeneration < options.generation) return null;
    // Files on their way, and `Waiting [Total: 4, Pending: 3, Running: 1]`: of this change, none is left out.
    for (const line of service.Progress) show(line, session.ok.bind(session));
    if (service.Status === "Running") {
      show(`Running ${counts(service)}`, session.ok.bind(session));
      session.ok("Service is running");
      // Held back by a rollout: what was asked for is not all there, and will not come by itself.
      if (service.Message !== RUNS_WHOLE) session.warn(service.Message);
      return EXIT.done;
    }
    if (service.Status === "Stopped" || service.Status === "Deleting") {
      session.error(`Service [${path.ServiceName}] is ${service.Status}: somebody else changed it`);
      return EXIT.failed;
    }
    const troubles = await troublesOf(session, path);
    // A version that does not come up keeps being tried, but nobody should have to watch that.
    if (service.Status === "Failed" || service.Reason === "UPDATE_FAILING") {
      session.error(service.Message);
      for (const { text, why } of troubles) if (!service.Message.includes(why)) session.error(text);
      return EXIT.failed;
    }
    if (TELLING.includes(service.Reason)) show(service.Message, session.warn.bind(session));
    for (const { text } of troubles) show(text, session.warn.bind(session));
    return null;
  });
}

/**
 * Waits until a service that is meant to run does, as it is now wanted; of one that is stopped there is nothing to wait for.
 */
export async function waitUntilSettled(
  session: Session,
  path: ServicePath,
  wait: { readonly timeoutSeconds: number } | null,
): Promise<ExitCode> {
  if (wait === null) return EXIT.done;
  const { Generation, Status } = await session.client.call("DescribeService", { path });
  if (Status === "Stopped" || Status === "Stopping") {
    session.ok(`Service [${path.ServiceName}] is ${Status}: it takes the change when it starts`);
    return EXIT.done;
  }
  return waitUntilRunning(session, path, { ...wait, generation: Generation });
}

/** Waits until nothing of it runs any more. */
export function waitUntilStopped(
  session: Session,
  path: ServicePath,
  options: WaitOptions,
): Promise<ExitCode> {
  const show = shower();
  return watch(session, path, options, "stopped", async (service) => {
    if (service === null) return gone(session, path);
    const isCurrent = service.ObservedGeneration >= options.generation;
    if (isCurrent && service.Status === "Stopped") {
      session.ok("Service was stopped successfully");
      return EXIT.done;
    }
    show("Service is stopping", session.ok.bind(session));
    return null;
  });
}

/** Waits until nobody knows the service any more. */
export function waitUntilDeleted(
  session: Session,
  path: ServicePath,
  options: WaitOptions,
): Promise<ExitCode> {
  const show = shower();
  return watch(session, path, options, "deleted", async (service) => {
    if (service === null) {
      session.ok("Service was deleted successfully");
      return EXIT.done;
    }
    show("Service is terminating", session.ok.bind(session));
    return null;
  });
}

/** Waits until nobody knows the group any more: its members drain first. */
export function waitUntilGroupGone(
  session: Session,
  path: { readonly ClusterId: string; readonly GroupName: string },
  { timeoutSeconds }: { readonly timeoutSeconds: number },
): Promise<ExitCode> {
  const name = `Group [${path.GroupName}]`;
  const texts = {
    late: `${name} is still there after ${timeoutSeconds} s; it goes on draining`,
    left: `No longer waiting. ${name} goes on draining`,
  };
  return lookAgain(session, timeoutSeconds, texts, async () => {
    try {
      await session.client.call("DescribeGroup", { path });
      return null;
    } catch (error) {
      if (!(error instanceof ApiError && error.code === "GROUP_NOT_FOUND")) throw error;
      session.ok("Group was deleted successfully");
      return EXIT.done;
    }
  });
}

/** Looks at a service again and again. `look` gets null when it does not exist, and answers null to go on. */
function watch(
  session: Session,
  path: ServicePath,
  { timeoutSeconds }: WaitOptions,
  wanted: string,
  look: (service: Service | null) => Promise<ExitCode | null>,
): Promise<ExitCode> {
  const name = `Service [${path.ServiceName}]`;
  const hint = `look with: sluice desc ${path.ServiceName}`;
  const texts = {
    late: `${name} is not ${wanted} after ${timeoutSeconds} s. It goes on without this command; ${hint}`,
    left: `No longer waiting. ${name} was left as it is and goes on; ${hint}`,
  };
  return lookAgain(session, timeoutSeconds, texts, async () => look(await describe(session, path)));
}

/** Looks until there is an exit code. `texts`: what is said when that takes too long, and when somebody interrupts. */
async function lookAgain(
  session: Session,
  timeoutSeconds: number,
  texts: { readonly late: string; readonly left: string },
  look: () => Promise<ExitCode | null>,
): Promise<ExitCode> {
  const { io } = session;
  const show = shower();
  const untilMs = io.monotonic() + timeoutSeconds * 1000;
  return io.interruptible(async (signal) => {
    const interrupted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    while (!signal.aborted) {
      try {
        const result = await look();
        if (result !== null) return result;
      } catch (error) {
        // The control process may restart meanwhile; instances and traffic do not care, nor does this wait.
        if (!(error instanceof UnreachableError)) throw error;
        show(error.message, session.warn.bind(session));
      }
      if (io.monotonic() >= untilMs) {
        session.error(texts.late);
        return EXIT.failed;
      }
      await Promise.race([io.sleep(POLL_MS), interrupted]);
    }
    // 1 and not 0: nobody knows yet whether it will be as it was asked for.
    session.warn(texts.left);
    return EXIT.failed;
  });
}

async function describe(session: Session, path: ServicePath): Promise<Service | null> {
  try {
    return await session.client.call("DescribeService", { path });
  } catch (error) {
    if (error instanceof ApiError && error.code === "SERVICE_NOT_FOUND") return null;
    throw error;
  }
}

/** What instances complain about, one line each. */
async function troublesOf(session: Session, path: ServicePath): Promise<{ text: string; why: string }[]> {
  const { Instances } = await session.client.call("ListServiceInstances", { path });
  return Instances.filter((instance) => instance.Status === "Failed").map((instance) => {
    const why =
      instance.Message || instance.LastState[0]?.message || instance.Reason || "no reason was given";
    return { text: `Instance [${instance.InstanceName}] failed: ${why}`, why };
  });
}

function gone(session: Session, path: ServicePath): ExitCode {
  session.error(`Service [${path.ServiceName}] was deleted meanwhile`);
  return EXIT.failed;
}

/** Shows each text only the first time. */
function shower(): (text: string, write: (text: string) => void) => void {
  const shown = new Set<string>();
  return (text, write) => {
    if (shown.has(text)) return;
    shown.add(text);
    write(text);
  };
}
