/** The commands of docs/reference/processors.md, each with the service that it asks, whatever test has that running. */
import { GuideShell, shellBlocks } from "./guide.ts";
import type { Installation } from "./installation.ts";

export const PROCESSOR_PAGE = "docs/reference/processors.md";

/** Folder of an example -> headings of the page whose commands ask its service. */
export const ASKED_ON_PAGE: Readonly<Record<string, readonly string[]>> = {
  "pmml-models/scorecard": ["pmml"],
  xgboost: ["xgboost"],
  lightgbm: ["lightgbm"],
  sklearn: ["sklearn"],
  "onnx-tabular": ["onnx", "Open Inference Protocol"],
  tensorflow: ["tensorflow"],
  pytorch: ["pytorch"],
  caffe: ["caffe"],
};

/** What stands before the first section: it goes to the folder of the examples. */
export const PAGE_TITLE = "Processors";

/** Runs the commands that the page has for the service of an example, which serves, and compares what it shows. */
export async function runPage(sluice: Installation, folder: string): Promise<void> {
  const headings = ASKED_ON_PAGE[folder] ?? [];
  if (headings.length === 0) return;
  const shell = new GuideShell(sluice);
  try {
    for (const block of shellBlocks(PROCESSOR_PAGE))
      if ([PAGE_TITLE, ...headings].includes(block.heading)) await shell.run(block);
  } finally {
    shell.close();
  }
}
