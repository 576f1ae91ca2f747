import type { OperationName } from "../api/paths.ts";
import { ServingError } from "../core/errors.ts";
import type { ServiceRecord } from "../core/service.ts";
import type { ServerDeps } from "./deps.ts";
import { type Handler, serviceName } from "./handler.ts";

type Labels = Extract<OperationName, `${string}ServiceLabel`>;

/** Labels of one service. */
export const LABEL_HANDLERS: { readonly [N in Labels]: Handler<N> } = {
  async UpdateServiceLabel({ path, body }, deps) {
    const name = serviceName(path.ServiceName);
    return changed(await deps.control.changeLabels({ name, set: body.Labels, removed: [] }), deps);
  },
  async DeleteServiceLabel({ path, query }, deps) {
    const name = serviceName(path.ServiceName);
    const removed = [...(query.Keys ?? []), ...(query.LabelKeys ?? [])];
    if (removed.length === 0) {
      const allowed = "names of labels, parted by commas, here or in LabelKeys";
      throw new ServingError("INVALID_ARGUMENT", {
        problems: [{ path: "?Keys", found: "no name", allowed }],
      });
    }
    return changed(await deps.control.changeLabels({ name, set: {}, removed }), deps);
  },
};

const changed = ({ name, generation }: ServiceRecord, { region }: ServerDeps) => ({
  Message: `Labels of service [${name}] in region [${region}] are updated`,
  Generation: generation,
});
