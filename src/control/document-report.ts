import { previewUpdate } from "../core/change/preview.ts";
import { type ValidateRequest, validateDocument } from "../core/change/validate.ts";
import type { DesiredState } from "../core/service.ts";
import type { DocumentReport } from "./control-plane.ts";
import { refuseMissingGpus } from "./gpu-check.ts";
import type { NodeRoom } from "./node-room.ts";

/**
 * What create or update would say to a document on this machine, and what an update would do.
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING
 */
export function reportOn(
  state: DesiredState,
  request: ValidateRequest,
  gpuCount: () => number,
  room: Pick<NodeRoom, "free">,
): DocumentReport {
  const validation = validateDocument(state, request, {
    refuseMissing: ({ spec }) => refuseMissingGpus(spec, gpuCount),
  });
  const { change, examined } = validation;
  if (change === null || examined === null) return { ...validation, preview: null };
  return { ...validation, preview: previewUpdate(change.before, examined, change.kind, room.free()) };
}
