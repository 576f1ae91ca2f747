/**
 * Ready-made processors: which codes there are (eas-reference §5.1), what each runs as here, and what to use instead of those that
 * this build has not. Codes are open-ended (`easyrec-2.4`, `tensorflow_cpu_1.15`), so they are known by their beginning; one maintained
 * implementation stands behind all versions of a family.
 */
export type ProcessorFamily = (typeof FAMILIES)[number]["family"];

/** What a ready-made processor is made of. */
interface Family {
  readonly family: string;
  /** Which worker runs it. */
  readonly language: "java" | "python";
  /** Beginnings of its codes: what follows is a version, or nothing. */
  readonly codes: readonly string[];
  /** Codes among them that ask for a GPU. */
  readonly gpuCodes: readonly string[];
  /** Python packages that it runs with, as pip reads them. */
  readonly requirements: readonly string[];
}

export const FAMILIES = [
  { family: "pmml", language: "java", codes: ["pmml"], gpuCodes: [], requirements: [] },
] as const satisfies readonly Family[];

/** Codes that exist elsewhere and not here, by their beginning, with what to use instead. */
const OWN = "a Python processor of your own with the package in its requirements";
const INSTEAD: Readonly<Record<string, string>> = {
  tensorflow_cpu: OWN,
  tensorflow_gpu: OWN,
  pytorch_cpu: OWN,
  pytorch_gpu: OWN,
  caffe_cpu: OWN,
  caffe_gpu: OWN,
  xgboost: OWN,
  onnx: OWN,
  easyrec: OWN,
  parameter_server: OWN,
  parameter_sever: OWN,
  alink_pai_processor: OWN,
  xnn_cpu: OWN,
  easy_vision: OWN,
  easytransfer: OWN,
  easynlp: OWN,
  easycv: OWN,
  blade: OWN,
  mediaflow: OWN,
  triton: OWN,
};

/** Languages of processors of one's own that this build runs. */
export const RUNNABLE_TYPES = ["python", "cpp", "node"] as const;

/** Codes that are offered where one is missing or misspelt. */
export const READY_CODES: readonly string[] = FAMILIES.flatMap((f) => f.codes);
export const KNOWN_CODES: readonly string[] = [...new Set([...READY_CODES, ...Object.keys(INSTEAD)])];

const isOf = (code: string, beginning: string) =>
  code === beginning || (code.startsWith(beginning) && /^[-_0-9]/.test(code.slice(beginning.length)));

/** What runs a code here. */
export interface ReadyProcessor {
  readonly family: ProcessorFamily;
  readonly language: "java" | "python";
  readonly isGpu: boolean;
  readonly requirements: readonly string[];
}

/** Null for a code that this build does not run. */
export function readyProcessor(code: string): ReadyProcessor | null {
  for (const { family, language, codes, gpuCodes, requirements } of FAMILIES as readonly Family[]) {
    if (!codes.some((known) => isOf(code, known))) continue;
    const isGpu = gpuCodes.some((known) => isOf(code, known));
    return { family: family as ProcessorFamily, language, isGpu, requirements };
  }
  return null;
}

/** What to use in place of a ready-made processor that exists elsewhere; null for a code that is none. */
export function insteadOf(code: string): string | null {
  for (const [known, instead] of Object.entries(INSTEAD)) if (isOf(code, known)) return instead;
  return null;
}

/** True for a code that names a ready-made processor somewhere, here or not. */
export const isBuiltinCode = (code: string): boolean =>
  readyProcessor(code) !== null || insteadOf(code) !== null;
