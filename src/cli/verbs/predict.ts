import { ApiError } from "../../api/client.ts";
import { Failure } from "../cli-io.ts";
import { readData } from "../data.ts";
import { readHeaders, showAnswer, type Target } from "../request.ts";
import type { Session } from "../session.ts";
import { listOption, textOption, type VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [name], options) => {
  const headers = readHeaders(listOption(options, "header"));
  const data = textOption(options, "data");
  const body = data === undefined ? undefined : await readData(data, session.io);
  const target = await targetOf(session, name!, options.group === true);
  const rest = (textOption(options, "path") ?? "").replace(/^\/*(?=.)/, "/");
  return showAnswer(session, target, rest, headers, body);
};

/** A service, else a group; `group.service` is the service (eas-reference §3.1). */
async function targetOf(session: Session, name: string, isGroup: boolean): Promise<Target> {
  const ServiceName = name.includes(".") ? name.slice(name.indexOf(".") + 1) : name;
  const ClusterId = await session.region();
  try {
    if (!isGroup) {
      const path = await session.service(ServiceName);
      const service = await session.client.call("DescribeService", { path });
      return { address: service.InternetEndpoint!, token: service.AccessToken };
    }
  } catch (error) {
    if (!(error instanceof ApiError && error.code === "SERVICE_NOT_FOUND")) throw withHint(error, name);
  }
  try {
    const group = await session.client.call("DescribeGroup", { path: { ClusterId, GroupName: name } });
    return { address: group.InternetEndpoint, token: group.AccessToken };
  } catch (error) {
    const isNeither = !isGroup && error instanceof ApiError && error.code === "GROUP_NOT_FOUND";
    throw isNeither ? new Failure(`there is no service and no group named ${name}`) : error;
  }
}

/** A slash stands between region and name; who means the path behind the address is told how that is written. */
function withHint(error: unknown, name: string): unknown {
  const at = name.indexOf("/");
  if (at < 1 || !(error instanceof ApiError && error.code === "REGION_NOT_FOUND")) return error;
  const [service, path] = [name.slice(0, at), name.slice(at)];
  return new Failure(
    `${error.message}; ${name} is read as REGION/NAME. For a path behind the address: sluice predict ${service} --path ${path}`,
    { cause: error },
  );
}
