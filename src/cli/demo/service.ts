import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ApiClient } from "../../api/client.ts";
import type { ResponseOf } from "../../api/operations.ts";
import type { DemoIo } from "./live-table.ts";

/** The part of the API client that the demo uses. */
export type DemoApi = Pick<ApiClient, "call">;

/** A service that the demo made. */
export interface DemoService {
  readonly name: string;
  readonly group: string;
  readonly region: string;
  readonly token: string;
  /** `model1` for `./model1.pmml`. */
  readonly model: string;
}

/** A service that was asked for and may not run yet. */
export type Created = Omit<DemoService, "token">;

/** What the demo changes in an example's file, for its second pair. */
export interface Changes {
  readonly name?: string;
  readonly group?: string;
  readonly instanceCount?: number;
}

/** How long one service may take from `create` to Running. */
const RUNNING_MS_MAX = 180_000;
const POLL_MS = 200;

/** Creates a service from a file of the example, as `sluice create` does: `model_path` is relative to the file. */
export async function createFrom(
  api: DemoApi,
  folder: string,
  file: string,
  changes: Changes,
): Promise<Created> {
  const document = JSON.parse(await readFile(join(folder, file), "utf8"));
  const name: string = changes.name ?? document.name;
  const group: string = changes.group ?? document.metadata.group;
  const instance: number = changes.instanceCount ?? document.metadata.instance;
  const body = {
    ...document,
    name,
    model_path: resolve(folder, document.model_path),
    metadata: { ...document.metadata, group, instance },
  };
  const { Region: region } = await api.call("CreateService", { body });
  const model = basename(document.model_path, ".pmml");
  return { name, group, region, model };
}

/**
 * Waits until every instance of the service runs, with a line for each change.
 * @throws Error with the service's own message when it fails, or takes longer than three minutes
 */
export async function waitUntilRunning(
  api: DemoApi,
  service: Created,
  io: DemoIo,
  signal: AbortSignal,
): Promise<DemoService> {
  const startMs = performance.now();
  let said = "";
  for (;;) {
    const now = await describe(api, service);
    const line = progressLine(now);
    if (line !== said) io.write(`${line}\n`);
    said = line;
    const isCurrent = now.ObservedGeneration >= now.Generation;
    if (isCurrent && now.Status === "Running") return { ...service, token: now.AccessToken };
    if (isCurrent && now.Status === "Failed")
      throw new Error(`service ${service.name} failed: ${now.Message}`);
    if (performance.now() - startMs > RUNNING_MS_MAX) {
      const seconds = RUNNING_MS_MAX / 1000;
      throw new Error(`service ${service.name} is ${now.Status} after ${seconds} s: ${now.Message}`);
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** The service as DescribeService has it. */
export function describe(
  api: DemoApi,
  service: Pick<DemoService, "name" | "region">,
): Promise<ResponseOf<"DescribeService">> {
  return api.call("DescribeService", { path: { ClusterId: service.region, ServiceName: service.name } });
}

/** Moves traffic to or from a service: `sluice release`. */
export async function release(
  api: DemoApi,
  service: DemoService,
  body: { readonly Weight: number } | { readonly TrafficState: "standalone" },
): Promise<void> {
  await api.call("ReleaseService", { path: { ClusterId: service.region, ServiceName: service.name }, body });
}

/** The line that `sluice create` shows while it waits (eas-reference §2.1), and the service's name. */
function progressLine(now: ResponseOf<"DescribeService">): string {
  const counts = `Total: ${now.TotalInstance}, Pending: ${now.PendingInstance}, Running: ${now.RunningInstance}`;
  return `[OK] ${now.Status} [${counts}] ${now.ServiceName}`;
}
