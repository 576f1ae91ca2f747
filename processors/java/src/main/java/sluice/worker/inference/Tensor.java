package sluice.worker.inference;

/** Values in row-major order: Double for FP64 and FP32, Long for INT64, Boolean for BOOL, String for BYTES. */
public record Tensor(String name, String datatype, long[] shape, Object[] values) {}
