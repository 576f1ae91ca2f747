import { ServingError } from "../core/errors.ts";
import type { InstanceId } from "../core/names.ts";
import { checkContainer } from "./container-handlers.ts";
import type { ServerDeps } from "./deps.ts";
import { type Call, type Handler, LineStream, serviceIn } from "./handler.ts";
import { HOST_IP } from "./instance-view.ts";

/** Lines of one instance that pages reach back to. */
const REACH_LINES = 10_000;
/** Of all instances of one answer together: at 200 bytes a line, 10 MB. */
const ANSWER_LINES = 50_000;

/** Log lines of one instance, or of all of a service. */
export const describeServiceLog: Handler<"DescribeServiceLog"> = async (call, deps) => {
  const { query } = call;
  checkContainer(query.ContainerName, "?ContainerName");
  const instances = await instancesOf(call, deps);
  const size = query.PageSize ?? 500;
  const isFollowing = query.Follow ?? false;
  const reach = Math.min(REACH_LINES, Math.ceil(ANSWER_LINES / Math.max(1, instances.length)));
  const sources = instances.map((id) =>
    lines(deps.control.logs(id, { lines: isFollowing ? size : reach, isFollowing }, call.signal), {
      prefix: query.InstanceName === undefined ? `[${id}] ` : "",
      keyword: query.Keyword ?? "",
    }),
  );
  if (isFollowing) return new LineStream(sources);
  const all: string[] = [];
  for (const source of sources) for await (const line of source) all.push(line);
  const number = query.PageNum ?? 1;
  const end = Math.max(0, all.length - (number - 1) * size);
  return {
    Logs: all.slice(Math.max(0, end - size), end),
    PageNum: number,
    TotalCount: all.length,
    TotalPageNum: Math.ceil(all.length / size),
  };
};

async function instancesOf(
  { path, query }: Call<"DescribeServiceLog">,
  deps: ServerDeps,
): Promise<InstanceId[]> {
  const picture = await deps.control.read();
  const service = serviceIn(picture, path.ServiceName);
  const known = (picture.statuses.get(service.name)?.instances ?? [])
    .filter(() => query.Ip === undefined || query.Ip === HOST_IP)
    .map((instance) => instance.id);
  if (query.InstanceName === undefined) return known;
  const wanted = known.filter((id) => id === query.InstanceName);
  if (wanted.length > 0) return wanted;
  throw new ServingError("INSTANCE_NOT_FOUND", { service: service.name, instances: [query.InstanceName] });
}

async function* lines(
  source: AsyncIterable<string>,
  how: { readonly prefix: string; readonly keyword: string },
) {
  for await (const line of source) if (line.includes(how.keyword)) yield how.prefix + line;
}
