import { Misuse } from "../cli-io.ts";
import { commandAndWait } from "../command.ts";
import { textOption, type VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [service, count], options) => {
  if (!/^\d{1,9}$/.test(count!)) throw new Misuse(`${count}: a whole number of instances`);
  const first = textOption(options, "delete");
  const body = {
    Instance: Number(count),
    ...(first === undefined ? {} : { InstancesToDelete: first.split(",").filter((name) => name !== "") }),
  };
  return commandAndWait(session, service!, options, "running", (path) =>
    session.client.call("ScaleService", { path, body }),
  );
};
