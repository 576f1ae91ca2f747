/**
 * Fills the tables of docs/reference/processors.md from the code; its other text is written by hand. Run it after a change of the processors:
 * `node tools/reference-processors.ts`. A test holds the file to it; a family or language without an entry below does not compile.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  FAMILIES,
  INSTEAD,
  type ProcessorFamily,
  type RUNNABLE_TYPES,
  readyProcessor,
} from "../src/core/spec/processors.ts";

const ROOT = dirname(import.meta.dirname);
export const PROCESSORS_FILE = join(ROOT, "docs", "reference", "processors.md");

/** Model files, the form of requests beside the Open Inference Protocol, and a folder of examples. */
const READS: {
  readonly [F in ProcessorFamily]: readonly [files: string, requests: string, example: string];
} = {
  pmml: ["PMML", "JSON rows", "pmml-models"],
  xgboost: ["JSON, UBJ, binary", "JSON rows", "xgboost"],
  lightgbm: ["text of `save_model`", "JSON rows", "lightgbm"],
  onnx: ["ONNX", "JSON by rows or inputs, OnnxRequest", "onnx-tabular"],
  sklearn: ["skops, joblib, pickle", "JSON rows", "sklearn"],
  tensorflow: ["SavedModel, frozen graph", "JSON of TensorFlow Serving, TFRequest", "tensorflow"],
  pytorch: ["TorchScript", "TorchRequest", "pytorch"],
  caffe: ["prototxt with caffemodel", "CaffeRequest", "caffe"],
};

/** Languages of processors of the user's own. */
const LANGUAGES: { readonly [L in (typeof RUNNABLE_TYPES)[number]]: readonly string[] } = {
  python: [
    "`processor_entry`: `app.py`",
    "`initialize(model_entry, model_config)`, `process(data, headers)`; or a class from `allspark.BaseProcessor`",
    "`process_batch`",
    "generators, asynchronous generators",
  ],
  java: [
    "`processor_mainclass`: the class; `processor_entry`: a jar, if need be",
    "constructor `(String modelEntry, String modelConfig)`, `void Load()`, `byte[] Process(byte[])`",
    "no",
    "no",
  ],
  cpp: [
    "`processor_entry`: `libx.so`",
    "`initialize(model_entry, model_config, state)`, `process(model, input, input_size, output, output_size)`",
    "`batch_process`",
    "no",
  ],
  node: [
    "`processor_entry`: `app.ts`, `app.js`",
    "`initialize({ path, entry, config, progress })`, `process(body, request)`",
    "`processBatch`",
    "asynchronous generators",
  ],
};

const code = (text: string) => `\`${text}\``;
const listed = (texts: readonly string[]) => texts.map(code).join(", ");
const row = (...cells: readonly string[]) => `| ${cells.join(" | ")} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [row(...head), row(...head.map(() => "---")), ...rows.map((cells) => row(...cells))].join("\n");

/** The library of a worker in Java is pinned by its build. */
function javaLibraries(): string {
  const pom = readFileSync(join(ROOT, "processors", "java", "pom.xml"), "utf8");
  const found = /<artifactId>pmml4s_[\d.]+<\/artifactId>\s*<version>([\d.]+)</.exec(pom);
  if (found === null) throw new Error("pom.xml names no version of PMML4S");
  return `PMML4S ${found[1]}`;
}

function familyRows(): string[][] {
  return FAMILIES.map(({ family, codes, gpuCodes }) => {
    const { requirements, accepts } = readyProcessor(codes[0])!;
    const [files, requests, example] = READS[family];
    const shown = `[${example}](../../examples/${example})`;
    const accepted = accepts === undefined ? "" : listed(accepts.has);
    const packages = requirements.length === 0 ? javaLibraries() : listed(requirements);
    return [
      `[${family}](#${family})`,
      listed(codes),
      listed(gpuCodes),
      files,
      requests,
      packages,
      accepted,
      shown,
    ];
  });
}

const TABLES: Readonly<Record<string, () => string>> = {
  families: () =>
    table(
      [
        "Family",
        "Codes",
        "Of them for GPUs",
        "Reads",
        "Requests",
        "Runs with",
        "Or what the system has",
        "Example",
      ],
      familyRows(),
    ),
  instead: () =>
    table(
      ["Code", "Use instead"],
      Object.entries(INSTEAD).map(([name, instead]) => [code(name), instead]),
    ),
  languages: () =>
    table(
      ["`processor_type`", "What is named", "What it has", "Batches", "Answers in parts"],
      Object.entries(LANGUAGES).map(([language, cells]) => [code(language), ...cells]),
    ),
};

/** The page `text` with its tables as the code has them now. */
export function processorReference(text: string): string {
  return Object.entries(TABLES).reduce((filled, [name, write]) => {
    const [begin, end] = [`<!-- table ${name}: tools/reference-processors.ts -->\n`, `<!-- end ${name} -->`];
    const [before, rest, ...more] = filled.split(begin);
    const after = rest?.split(end)[1];
    if (after === undefined || more.length > 0)
      throw new Error(`the page has not one place for the table ${name}`);
    return `${before}${begin}${write()}\n${end}${after}`;
  }, text);
}

if (import.meta.main)
  writeFileSync(PROCESSORS_FILE, processorReference(readFileSync(PROCESSORS_FILE, "utf8")));
