import { EXIT, Misuse } from "../cli-io.ts";
import { listServices } from "../service-list.ts";
import type { Session } from "../session.ts";
import { textOption, type VerbRun } from "../verb.ts";
import { askedToWait, type ServicePath, waitUntilSettled } from "../wait.ts";

export const run: VerbRun = async (session, [service], options) => {
  const state = textOption(options, "state") as "grouping" | "standalone" | undefined;
  const weightText = textOption(options, "weight");
  if ((state === undefined) === (weightText === undefined)) {
    throw new Misuse("say how: either -s grouping|standalone, or -w <n>");
  }
  if (state === undefined && !/^-?\d{1,4}$/.test(weightText!))
    throw new Misuse(`-w ${weightText}: a whole number from -1 to 1000`);
  const wait = askedToWait(options);
  const path = await session.service(service!);
  const code = await (state === undefined
    ? releaseByWeight(session, path, Number(weightText))
    : releaseByState(session, path, state));
  return code === EXIT.done ? waitUntilSettled(session, path, wait) : code;
};

/** Prompt and answer of the seeds (000, 001): the prompt says "group traffic" for both directions. */
async function releaseByState(session: Session, path: ServicePath, state: "grouping" | "standalone") {
  const name = path.ServiceName;
  if (!(await session.confirm(`Confirmed to release service [${name}] to group traffic [Y/n]`)))
    return session.declined();
  session.show(await session.client.call("ReleaseService", { path, body: { TrafficState: state } }));
  session.ok(`Service [${name}] has entered the traffic state: ${state}`);
  return EXIT.done;
}

/** In a pair the weight is a percent, as in seed 001; in any other group it is relative (eas-reference §6.3). */
async function releaseByWeight(session: Session, path: ServicePath, weight: number) {
  const name = path.ServiceName;
  if (weight < 0) {
    if (!(await session.confirm(`Confirmed to release service [${name}] to group traffic [Y/n]`)))
      return session.declined();
    session.show(await session.client.call("ReleaseService", { path, body: { Weight: weight } }));
    session.ok(`Service [${name}] is weighted by its instance count now`);
    return EXIT.done;
  }
  const { ServiceGroup } = await session.client.call("DescribeService", { path });
  const isPair =
    ServiceGroup === "" || (await listServices(session, { GroupName: ServiceGroup })).TotalCount === 2;
  const shown = isPair ? `${weight}%` : String(weight);
  if (!(await session.confirm(`Confirmed to release service [${name}] at weight [${shown}]? [Y/n]`)))
    return session.declined();
  session.show(await session.client.call("ReleaseService", { path, body: { Weight: weight } }));
  session.ok(`Service [${name}] is weighted to ${shown} now`);
  return EXIT.done;
}
