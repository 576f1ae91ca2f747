import type { OperationName } from "../api/paths.ts";
import type { Handler } from "./handler.ts";
import { rfc3339 } from "./time.ts";

type Own = Extract<OperationName, "ListEnvironments" | "BuildEnvironment" | "DeleteEnvironment">;

/** Python environments of this machine. */
export const ENVIRONMENT_HANDLERS: { readonly [N in Own]: Handler<N> } = {
  async ListEnvironments(_, { control }) {
    const { bytesMax, kept, builds } = await control.listEnvironments();
    const Environments = kept.map((environment) => ({
      EnvironmentId: environment.address,
      Folder: environment.folder,
      Python: environment.python,
      BasePython: environment.base ?? "",
      Requirements: [...environment.requirements],
      Packages: [...environment.packages],
      Notes: [...(environment.notes ?? [])],
      Bytes: environment.bytes,
      LastUsedTime: rfc3339(environment.usedAtMs),
      Referrers: environment.referrers.map(({ service, version }) => ({
        ServiceName: service,
        Version: version,
      })),
    }));
    const Builds = builds.map(({ address, progress, failure }) => ({
      EnvironmentId: address,
      Progress: [...progress],
      Failure: failure,
    }));
    return { BytesMax: bytesMax, Environments, Builds };
  },
  async BuildEnvironment({ body }, { control }) {
    const order =
      body.Document === undefined ? { lines: body.Requirements ?? [] } : { document: body.Document };
    return { EnvironmentId: await control.buildEnvironment(order) };
  },
  async DeleteEnvironment({ path }, { control }) {
    await control.deleteEnvironment(path.EnvironmentId);
    return {};
  },
};
