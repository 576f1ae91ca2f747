package sluice.worker.inference;

/** One input or output of a model. `datatype` is FP64, FP32, INT64, BOOL or BYTES; -1 in `shape` stands for any length. */
public record TensorSpec(String name, String datatype, long[] shape, boolean isOptional) {}
