import type { UpdatePreview } from "../core/change/preview.ts";

/** What an update would do, as UpdateService answers it with Plan. */
export function previewView(preview: UpdatePreview) {
  return {
    Change: preview.kind,
    Version: preview.version,
    Differences: preview.differences.map(({ path, from, to }) => ({ Path: path, From: from, To: to })),
    Steps: [...preview.steps],
  };
}
