package sluice.worker.inference;

import java.util.List;
import java.util.Map;
import sluice.worker.Refusal;

/** A loaded model, as the Open Inference Protocol sees it. */
public interface TensorModel {
  /** As its metadata tells, e.g. `pmml_pmml4s`. */
  String platform();

  List<TensorSpec> inputs();

  List<TensorSpec> outputs();

  /** `inputs` by name, types and shapes checked; the outputs wanted, in their order. Refusal is 400 with its sentence. */
  List<Tensor> infer(Map<String, Tensor> inputs, List<TensorSpec> wanted) throws Refusal;
}
