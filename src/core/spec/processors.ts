/**
 * Codes of built-in processors (eas-reference §5.1), and which of them this build runs. Codes of a family are
 * open-ended (`easyrec-2.4`, `tensorflow_cpu_1.15`), so they are known by their beginning.
 */
export const RUNNABLE_PROCESSORS = ["pmml"] as const;

/** Languages of processors of one's own that this build runs. */
export const RUNNABLE_TYPES = ["python"] as const;

/** Beginnings of the codes of built-in processors that exist elsewhere. */
export const KNOWN_PROCESSORS = [
  "pmml",
  "tensorflow_cpu",
  "tensorflow_gpu",
  "pytorch_cpu",
  "pytorch_gpu",
  "caffe_cpu",
  "caffe_gpu",
  "xgboost",
  "onnx",
  "easyrec",
  "parameter_server",
  "parameter_sever",
  "alink_pai_processor",
  "xnn_cpu",
  "easy_vision",
  "easytransfer",
  "easynlp",
  "easycv",
  "blade",
  "mediaflow",
  "triton",
] as const;

/** True for a code that names a built-in processor somewhere, here or not. */
export function isBuiltinCode(code: string): boolean {
  return KNOWN_PROCESSORS.some(
    (known) => code === known || (/^[-_0-9]/.test(code.slice(known.length)) && code.startsWith(known)),
  );
}
