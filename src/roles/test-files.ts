import { join, resolve } from "node:path";
import { ModelCache } from "../adapters/model-cache/cache.ts";
import { pythonsOf } from "../adapters/python-environments/base-python.ts";
import { VirtualEnvironments } from "../adapters/python-environments/environments.ts";
import { systemClock } from "../adapters/system/clock.ts";
import { environmentOnly, readSetting } from "../base/settings.ts";
import { packageOf, placed, requirementsOf } from "../control/file-preparation.ts";
import type { FilesState } from "../core/plan/plan-input.ts";
import type { ServiceSpec } from "../core/spec/service-spec.ts";
import { FetchError } from "../ports/files.ts";
import { readObjectStores } from "./object-stores.ts";
import { homeLayout, SERVE_SETTINGS } from "./settings.ts";

export type ReadyFiles = Extract<FilesState, { kind: "ready" }>;

interface PrepareOptions {
  /** What is downloaded or unpacked stands here, and goes with it. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Brings what a service is made of, for one run. Paths are used where they are. An environment is made once, among those of the home
 * (decision 0034), so that the next run and `create` find it.
 * @throws FetchError; the signal's reason
 */
export async function prepareTest(spec: ServiceSpec, options: PrepareOptions): Promise<ReadyFiles> {
  const { folder, env, say, signal } = options;
  const files = new ModelCache({
    root: join(folder, "models"),
    stores: readObjectStores(env),
    now: systemClock.now,
  });
  const processor = packageOf(spec);
  const processorPath =
    processor?.source == null ? null : await files.fetch(processor.source, processor.entry, say, signal);
  const environmentPath = await environmentOf(spec, processorPath, options);
  const { source, entry } = spec.model;
  const modelPath = source === null ? null : await files.fetch(source, entry, say, signal);
  const warmUpPath =
    spec.warmUp === null
      ? null
      : await named("warm_up_data_path", files.fetch(spec.warmUp, null, say, signal));
  return { kind: "ready", progress: [], processorPath, modelPath, warmUpPath, environmentPath };
}

async function environmentOf(
  spec: ServiceSpec,
  processorPath: string | null,
  { env, say, signal }: PrepareOptions,
): Promise<string | null> {
  const requirements = requirementsOf(spec);
  if (requirements === null) return null;
  const prepared = readSetting(SERVE_SETTINGS.preparedEnvironments, environmentOnly(env));
  const environments = new VirtualEnvironments({
    root: homeLayout(readSetting(SERVE_SETTINGS.home, environmentOnly(env))).environments,
    pythons: pythonsOf(env.SLUICE_PYTHON),
    prepared: prepared === null ? null : resolve(prepared),
    env,
    // What is used by whom is for the control process to know; here none is removed.
    bytesMax: Number.POSITIVE_INFINITY,
    references: { environments: async () => [], pathsInUse: async () => [] },
    now: systemClock.now,
  });
  const wanted = placed(requirements, processorPath);
  return named(requirements.field, environments.prepare(wanted, say, signal));
}

/** What is wrong with it names its field. */
async function named<T>(field: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    throw new FetchError(`${field}: ${error.message}`, error.isRetriable, { cause: error });
  }
}
