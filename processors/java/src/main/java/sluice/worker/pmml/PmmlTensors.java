package sluice.worker.pmml;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.pmml4s.metadata.OutputField;
import org.pmml4s.model.Model;
import sluice.worker.Refusal;
import sluice.worker.inference.Tensor;
import sluice.worker.inference.TensorModel;
import sluice.worker.inference.TensorSpec;

/** A PMML model as tensors: one a field, its rows in the first dimension. NaN stands for a missing value. */
final class PmmlTensors implements TensorModel {
  private static final long[] ROWS = {-1};

  private final Model model;
  private final InputField[] fields;
  private final PmmlOutputs outputs;
  private final List<TensorSpec> inputSpecs = new ArrayList<>();
  private final List<TensorSpec> outputSpecs = new ArrayList<>();

  PmmlTensors(Model model, InputField[] fields, PmmlOutputs outputs) {
    this.model = model;
    this.fields = fields;
    this.outputs = outputs;
    // Here a type's default is not taken for a tensor that is not there: the protocol says what is required.
    for (InputField field : fields) {
      inputSpecs.add(new TensorSpec(field.name, field.datatype(), ROWS, field.whenMissing == null));
    }
    for (OutputField field : outputs.fields) outputSpecs.add(new TensorSpec(field.name(), datatypeOf(field), ROWS, false));
  }

  private static String datatypeOf(OutputField field) {
    return switch (field.dataType().toString()) {
      case "double", "real" -> "FP64";
      case "float" -> "FP32";
      case "integer" -> "INT64";
      case "boolean" -> "BOOL";
      default -> "BYTES";
    };
  }

  @Override
  public String platform() {
    return "pmml_pmml4s";
  }

  @Override
  public List<TensorSpec> inputs() {
    return inputSpecs;
  }

  @Override
  public List<TensorSpec> outputs() {
    return outputSpecs;
  }

  @Override
  public List<Tensor> infer(Map<String, Tensor> inputs, List<TensorSpec> wanted) throws Refusal {
    int rows = -1;
    String first = null;
    for (Tensor tensor : inputs.values()) {
      if (rows >= 0 && tensor.values().length != rows) {
        throw new Refusal("input " + quoted(tensor.name()) + " has " + tensor.values().length + " rows; input " + quoted(first) + " has " + rows);
      }
      rows = tensor.values().length;
      first = tensor.name();
    }
    rows = Math.max(rows, 0);
    Tensor[] given = new Tensor[fields.length];
    for (int i = 0; i < fields.length; i++) given[i] = inputs.get(fields[i].name);
    int[] places = new int[wanted.size()];
    Object[][] values = new Object[wanted.size()][rows];
    for (int i = 0; i < places.length; i++) places[i] = outputSpecs.indexOf(wanted.get(i));
    for (int row = 0; row < rows; row++) {
      Object[] in = new Object[fields.length];
      for (int i = 0; i < in.length; i++) {
        if (given[i] == null) continue;
        in[i] = fields[i].element(given[i].values()[row]);
        if (in[i] == InputField.BAD) {
          Object found = given[i].values()[row];
          String text = found instanceof String word ? quoted(word) : String.valueOf(found);
          throw new Refusal("input " + quoted(fields[i].name) + ": row " + (row + 1) + " is " + text + "; allowed: " + fields[i].allowed());
        }
      }
      List<Object> results = PmmlProcessor.apply(model, in);
      for (int i = 0; i < places.length; i++) values[i][row] = RowWriter.missingAsNull(results.get(places[i]));
    }
    List<Tensor> answers = new ArrayList<>();
    for (int i = 0; i < places.length; i++) {
      TensorSpec spec = wanted.get(i);
      for (int row = 0; row < rows; row++) values[i][row] = element(spec, row, values[i][row]);
      answers.add(new Tensor(spec.name(), spec.datatype(), new long[] {rows}, values[i]));
    }
    return answers;
  }

  private static Object element(TensorSpec spec, int row, Object value) throws Refusal {
    if (value == null && !spec.datatype().startsWith("FP") && !spec.datatype().equals("BYTES")) {
      throw new Refusal("output " + quoted(spec.name()) + " has no value in row " + (row + 1) + ", which " + spec.datatype() + " cannot say");
    }
    return switch (spec.datatype()) {
      case "FP64", "FP32" -> value instanceof Number number ? number.doubleValue() : value == null ? Double.NaN : Double.valueOf(value.toString());
      case "INT64" -> value instanceof Number number ? number.longValue() : Long.valueOf(value.toString());
      case "BOOL" -> value instanceof Boolean ? value : Boolean.valueOf(value.toString());
      default -> value == null ? "" : value.toString();
    };
  }

  private static String quoted(String text) {
    return sluice.worker.Json.quoted(text);
  }
}
