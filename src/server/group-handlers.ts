import type { OperationName } from "../api/paths.ts";
import { ServingError } from "../core/errors.ts";
import { type GroupName, isName, NAME_PATTERN } from "../core/names.ts";
import { type Affinity, parseAffinity } from "../core/traffic/affinity.ts";
import { groupEndpoints, groupView } from "./group-view.ts";
import { groupIn, groupName, type Handler } from "./handler.ts";
import { hasLabels, pageOf, sortKey } from "./page.ts";

type GroupOperations = Exclude<
  Extract<OperationName, `${string}Group${string}`>,
  `${string}Token` | `${string}Tokens`
>;

/** Operations on groups. */
export const GROUP_HANDLERS: { readonly [N in GroupOperations]: Handler<N> } = {
  async ListGroups({ query }, deps) {
    const picture = await deps.control.read();
    const views = [...picture.state.groups.values()]
      .filter(
        (group) =>
          group.name.includes(query.Filter ?? "") &&
          (query.TrafficMode === undefined || query.TrafficMode === group.mode) &&
          hasLabels(group.labels, query.Labels),
      )
      .map((group) => groupView(group, deps));
    const sort = query.Sort ?? "CreateTime";
    const page = pageOf(
      views,
      query,
      (view) => sortKey(groupIn(picture, view.Name), view, sort),
      (view) => view.Name,
    );
    return { ...page.facts, Groups: page.items };
  },
  async CreateGroup({ body }, deps) {
    if (!isName(body.Name)) {
      throw new ServingError("INVALID_ARGUMENT", {
        problems: [
          { path: "$.Name", found: JSON.stringify(body.Name.slice(0, 80)), allowed: String(NAME_PATTERN) },
        ],
      });
    }
    const group = await deps.control.createGroup(body.Name as GroupName, body.Labels ?? {});
    return { Message: `Group [${group.name}] in region [${deps.region}] is created` };
  },
  async DescribeGroup({ path }, deps) {
    return groupView(groupIn(await deps.control.read(), path.GroupName), deps);
  },
  async UpdateGroup({ path, body }, deps) {
    const group = await deps.control.updateGroup(groupName(path.GroupName), {
      ...(body.TrafficMode === undefined ? {} : { mode: body.TrafficMode }),
      ...(body.Labels === undefined ? {} : { labels: body.Labels }),
      ...(body.Sticky === undefined ? {} : { sticky: readSticky(body.Sticky) }),
    });
    return { Message: `Group [${group.name}] in region [${deps.region}] is updated` };
  },
  async DeleteGroup({ path, query }, deps) {
    const name = groupName(path.GroupName);
    await deps.control.deleteGroup(name, query.CascadeDelete ?? false);
    return { Message: `Group [${name}] in region [${deps.region}] is terminating` };
  },
  async DescribeGroupEndpoints({ path }, deps) {
    const group = groupIn(await deps.control.read(), path.GroupName);
    return { Message: "", AccessToken: group.token, Endpoints: groupEndpoints(group, deps) };
  },
};

/** `header:<name>`, `cookie:<name>` or `off`. @throws ServingError INVALID_ARGUMENT */
function readSticky(text: string): Affinity | null {
  if (text === "off") return null;
  const affinity = parseAffinity(text);
  if (affinity !== null) return affinity;
  const found = JSON.stringify(text.slice(0, 80));
  const allowed = "off, header:<name> or cookie:<name>, a name of 1 to 64 token characters";
  throw new ServingError("INVALID_ARGUMENT", { problems: [{ path: "$.Sticky", found, allowed }] });
}
