import { assert } from "../../base/assert.ts";
import type { InstanceSpec, ProcessorSpec } from "../instance-spec.ts";
import { instanceId } from "../names.ts";
import type { ServiceRecord } from "../service.ts";
import type { ServiceSpec } from "../spec/service-spec.ts";
import type { FilesState } from "./plan-input.ts";

type ReadyFiles = Extract<FilesState, { kind: "ready" }>;

/** What is run: a service as it is wanted, or one that has no record, as in a test. */
export interface InstanceOrder {
  readonly record: Pick<ServiceRecord, "name" | "version" | "epoch" | "softRestarts">;
  readonly spec: ServiceSpec;
  /** Tokens for direct callers. */
  readonly tokens: readonly string[];
  /** Those of them that open it by its group's name; absent: none. */
  readonly groupTokens?: readonly string[];
}

/** Everything an instance of the version in force has to know. */
export function instanceSpecOf(
  { record, spec, tokens, groupTokens }: InstanceOrder,
  files: ReadyFiles,
  slot: number,
): InstanceSpec {
  const { name: service, version, epoch } = record;
  const id = instanceId({ service, version, epoch, slot });
  const softRestart = record.softRestarts?.[id];
  return {
    id,
    service,
    ...(spec.group === null ? {} : { group: spec.group }),
    version,
    epoch,
    slot,
    tokens,
    ...(groupTokens === undefined ? {} : { groupTokens }),
    isBodyChecked: spec.isBodyChecked,
    processor: processorOf(spec.processor, files),
    model: {
      path: files.modelPath,
      entry: entryOf(files.modelPath, spec.model.entry),
      config: spec.model.config,
    },
    rpc: spec.rpc,
    limits: { cpu: spec.cpu, memoryMb: spec.memoryMb, isCpuAsked: spec.isCpuAsked },
    ...(files.warmUpPath ? { warmUpPath: files.warmUpPath } : {}),
    ...(files.environmentPath ? { environmentPath: files.environmentPath } : {}),
    ...(softRestart === undefined ? {} : { softRestart }),
    ...(spec.isSigtermSent ? { isSigtermSent: true } : {}),
  };
}

function processorOf(source: ServiceSpec["processor"], files: ReadyFiles): ProcessorSpec {
  if (source.kind === "builtin") {
    const { requirements: _packages, ...builtin } = source;
    return builtin;
  }
  if (source.kind === "command") {
    const { source: _from, requirements: _packages, ...command } = source;
    return { ...command, dir: files.processorPath ?? files.modelPath };
  }
  assert(files.processorPath !== null, "a custom processor has files");
  const { source: _from, requirements: _packages, ...custom } = source;
  return { ...custom, dir: files.processorPath };
}

/** `model_entry` names a file inside the model; its default is the model itself (eas-reference §1.1). */
function entryOf(path: string | null, entry: string | null): string | null {
  if (path === null || entry === null) return path;
  return path.endsWith(`/${entry}`) ? path : `${path}/${entry}`; // the model may be that very file
}
