import type { Accepted } from "./requirements.ts";

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
  /** It can answer several requests by one call of a model (`metadata.rpc.batching`), where the model takes any number of rows. Absent: it cannot. */
  readonly takesBatches?: true;
  /** Beginnings of its codes: what follows is a version, or nothing. */
  readonly codes: readonly string[];
  /** Codes among them that ask for a GPU. */
  readonly gpuCodes: readonly string[];
  /** Python packages that it runs with, as pip reads them. */
  readonly requirements: readonly string[];
  /** The same for a service whose code and `metadata.gpu` both ask for a GPU; absent: `requirements` can use one. */
  readonly gpuRequirements?: readonly string[];
  /** What is as good, where a Python of this machine has it: then nothing large is brought (decision 0038). */
  readonly accepts?: Accepted;
}

/** Beside a framework, so that the numbers of a model do not change with what an index has today (decision 0036). Python 3.11 and later. */
const NUMPY = "numpy==2.4.6";
const SCIPY = "scipy==1.17.1";
const PROTOBUF = "protobuf==6.33.6";

export const FAMILIES = [
  { family: "pmml", language: "java", codes: ["pmml"], gpuCodes: [], requirements: [] },
  {
    family: "xgboost",
    language: "python",
    takesBatches: true,
    codes: ["xgboost"],
    gpuCodes: [],
    // The last release that reads the binary format of before 1.0 beside JSON and UBJ: 3.1 took it away.
    requirements: ["xgboost-cpu==2.1.4", NUMPY, SCIPY],
  },
  {
    family: "lightgbm",
    language: "python",
    takesBatches: true,
    codes: ["lightgbm"],
    gpuCodes: [],
    requirements: ["lightgbm==4.7.0", NUMPY, SCIPY],
  },
  {
    family: "onnx",
    language: "python",
    takesBatches: true,
    codes: ["onnx"],
    gpuCodes: ["onnx_cu", "onnx_gpu"],
    requirements: ["onnxruntime==1.31.1", NUMPY, PROTOBUF],
    gpuRequirements: ["onnxruntime-gpu[cuda,cudnn]==1.31.1", NUMPY, PROTOBUF],
  },
  {
    family: "sklearn",
    language: "python",
    takesBatches: true,
    codes: ["sklearn"],
    gpuCodes: [],
    // pandas for pipelines that choose columns by their names.
    requirements: ["scikit-learn==1.9.1", "skops==0.16.0", "joblib==1.6.0", "pandas==3.1.1", NUMPY, SCIPY],
  },
  {
    family: "tensorflow",
    language: "python",
    takesBatches: true,
    codes: ["tensorflow_cpu", "tensorflow_gpu", "tensorflow"],
    gpuCodes: ["tensorflow_gpu"],
    requirements: ["tensorflow-cpu==2.21.0", NUMPY, PROTOBUF],
    gpuRequirements: ["tensorflow[and-cuda]==2.21.0", NUMPY, PROTOBUF],
    accepts: { has: ["tensorflow>=2.12,<3", "numpy>=1.22,<3", "protobuf>=3.20,<8"], adds: [] },
  },
  {
    family: "pytorch",
    language: "python",
    takesBatches: true,
    codes: ["pytorch_cpu", "pytorch_gpu", "pytorch"],
    gpuCodes: ["pytorch_gpu"],
    // It brings CUDA's libraries with it, some GB. Debian has one without them: python3-torch.
    requirements: ["torch==2.9.1", NUMPY, PROTOBUF],
    accepts: { has: ["torch>=1.13,<3", "numpy>=1.22,<3"], adds: [PROTOBUF] },
  },
  {
    family: "caffe",
    language: "python",
    codes: ["caffe_cpu", "caffe_gpu", "caffe"],
    gpuCodes: ["caffe_gpu"],
    // The last line of OpenCV that reads Caffe: 5 took it away.
    requirements: ["opencv-python-headless==4.14.0.94", NUMPY, PROTOBUF],
  },
] as const satisfies readonly Family[];

/** Codes that exist elsewhere and not here, by their beginning, with what to use instead. */
const OWN = "a processor of your own in Python with its library in the requirements";
/** No package is named: on the public index some of these names belong to others. */
const EXPORT = (form: string) => `the model exported as ${form}, or ${OWN}`;
export const INSTEAD: Readonly<Record<string, string>> = {
  "easyrec-torch": EXPORT('TorchScript for "pytorch_cpu"'),
  easyrec: EXPORT('a TensorFlow SavedModel for "tensorflow_cpu"'),
  parameter_server: 'a model that "xgboost" or "lightgbm" reads, or PMML for "pmml"',
  parameter_sever: 'a model that "xgboost" or "lightgbm" reads, or PMML for "pmml"',
  alink_pai_processor: EXPORT('PMML for "pmml"'),
  xnn_cpu: EXPORT('ONNX for "onnx"'),
  easy_vision: EXPORT('a TensorFlow SavedModel for "tensorflow_cpu"'),
  easytransfer: EXPORT('a TensorFlow SavedModel for "tensorflow_cpu"'),
  easynlp: EXPORT('TorchScript for "pytorch_cpu" or ONNX for "onnx"'),
  easycv: EXPORT('TorchScript for "pytorch_cpu" or ONNX for "onnx"'),
  blade: 'the model as it was before Blade: "onnx", "pytorch_cpu" or "tensorflow_cpu"',
  mediaflow: "a processor of your own in Python for each step",
  triton: "containers with the command of a Triton server that is installed here",
};

/** Languages of processors of one's own that this build runs. */
export const RUNNABLE_TYPES = ["python", "java", "cpp", "node"] as const;

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
  readonly accepts?: Accepted;
}

/** Whether requests can be given to it in batches. */
export const takesBatches = (family: ProcessorFamily): boolean =>
  (FAMILIES as readonly Family[]).some((known) => known.family === family && known.takesBatches === true);

/** Codes of those that take batches. */
export const BATCH_CODES: readonly string[] = (FAMILIES as readonly Family[])
  .filter((known) => known.takesBatches)
  .flatMap((known) => known.codes);

/** Null for a code that this build does not run. `gpus`: how many `metadata.gpu` asks for. */
export function readyProcessor(code: string, gpus = 0): ReadyProcessor | null {
  for (const known of FAMILIES as readonly Family[]) {
    if (!known.codes.some((beginning) => isOf(code, beginning))) continue;
    const { family, language, gpuCodes, gpuRequirements, accepts } = known;
    const isGpu = gpuCodes.some((beginning) => isOf(code, beginning));
    const isOnGpu = isGpu && gpus > 0;
    const requirements = isOnGpu && gpuRequirements ? gpuRequirements : known.requirements;
    const ready = { family: family as ProcessorFamily, language, isGpu, requirements };
    // What a distribution builds has seldom the libraries of a GPU.
    return accepts === undefined || isOnGpu ? ready : { ...ready, accepts };
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
