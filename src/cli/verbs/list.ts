import { EXIT } from "../cli-io.ts";
import { listServices } from "../service-list.ts";
import { serviceTable } from "../service-table.ts";
import { textOption, type VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, _, options) => {
  const answer = await listServices(session, {
    Filter: textOption(options, "filter"),
    GroupName: textOption(options, "group"),
    ServiceStatus: textOption(options, "status"),
  });
  session.show(answer, () => serviceTable(answer.Services, session.io.columns));
  return EXIT.done;
};
