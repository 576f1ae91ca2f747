import type { ResponseOf } from "../../api/operations.ts";
import { commandAndWait } from "../command.ts";
import type { Session } from "../session.ts";
import type { VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [service, instances], options) => {
  await warnOfGap(session, service!, instances!.split(","));
  return commandAndWait(session, service!, options, "running", (path) =>
    session.client.call("DeleteServiceInstances", {
      path,
      query: { InstanceList: instances!, SoftRestart: true },
    }),
  );
};

/** The only one that gets requests has nobody to take its place meanwhile. */
async function warnOfGap(session: Session, service: string, named: readonly string[]): Promise<void> {
  const path = await session.service(service);
  const { Instances } = await session.client.call("ListServiceInstances", { path });
  const [only, ...others] = Instances.filter(isServing);
  if (only === undefined || others.length > 0 || !named.includes(only.InstanceName)) return;
  session.warn(
    `${only.InstanceName} is the only instance that gets requests: until it has started again, the service answers 503. ` +
      `Without a gap: sluice restart ${service}`,
  );
}

type Instance = ResponseOf<"ListServiceInstances">["Instances"][number];

const isServing = ({ ReadyProcesses, Isolated, Detached, Status }: Instance) =>
  ReadyProcesses > 0 && Status === "Running" && !Isolated && !Detached;
