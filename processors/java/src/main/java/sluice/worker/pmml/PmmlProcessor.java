package sluice.worker.pmml;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import javax.xml.stream.XMLStreamException;
import org.pmml4s.metadata.MiningField;
import org.pmml4s.model.Model;
import sluice.worker.Answer;
import sluice.worker.Failures;
import sluice.worker.Init;
import sluice.worker.Json;
import sluice.worker.Processor;
import sluice.worker.Refusal;
import sluice.worker.Request;
import sluice.worker.inference.InferenceProtocol;

/**
 * The built-in processor `pmml` (eas-reference §5.2): rows in, rows out, both JSON; or tensors, by the Open Inference Protocol. A row with a value
 * that the document does not allow has an error in place of its answer; the request is refused when no row is good.
 */
public final class PmmlProcessor implements Processor {
  private final Model model;
  private final RowReader reader;
  private final PmmlOutputs outputs;
  private final InferenceProtocol protocol;
  private final byte[] description;

  private PmmlProcessor(Model model, InputField[] inputs, PmmlOutputs outputs, InferenceProtocol protocol) {
    this.model = model;
    this.outputs = outputs;
    this.protocol = protocol;
    reader = new RowReader(inputs);
    description = describe(model, inputs, outputs);
  }

  public static PmmlProcessor load(Init init) throws Refusal {
    MissingRule rule = MissingRule.of(init.modelConfig());
    Path file = PmmlFile.at(init.modelFile());
    Model model = PmmlFile.read(file);
    Set<String> policies;
    try {
      policies = MissingPolicies.in(file);
    } catch (IOException | XMLStreamException error) {
      throw new Refusal(file + " cannot be read: " + Failures.oneLine(error));
    }
    InputField[] inputs = Arrays.stream(model.inputFields())
        .map(field -> new InputField(field, miningField(model, field.name()), policies.contains(field.name()), rule))
        .toArray(InputField[]::new);
    PmmlOutputs outputs = new PmmlOutputs(model);
    return new PmmlProcessor(model, inputs, outputs, new InferenceProtocol(init, new PmmlTensors(model, inputs, outputs)));
  }

  private static MiningField miningField(Model model, String name) {
    for (MiningField field : model.miningSchema().miningFields()) if (field.name().equals(name)) return field;
    return null;
  }

  @Override
  public Answer process(Request request) throws Refusal {
    if (request.isInferenceProtocol()) return protocol.answer(request);
    if (request.bodyLength == 0) return Answer.json(description);
    Rows rows = reader.read(request.bytes, request.bodyFrom, request.bodyLength);
    ByteArrayOutputStream out = new ByteArrayOutputStream(64 + rows.values.size() * 128);
    try (JsonGenerator json = Json.FACTORY.createGenerator(out)) {
      if (rows.isTyped) {
        json.writeStartObject();
        json.writeFieldName("outputs");
      }
      json.writeStartArray();
      for (int i = 0; i < rows.values.size(); i++) {
        Object[] row = rows.values.get(i);
        if (row == null) rows.writeError(json, i);
        else if (rows.isTyped) outputs.writeTyped(json, apply(model, row));
        else outputs.write(json, apply(model, row));
      }
      json.writeEndArray();
      if (rows.isTyped) json.writeEndObject();
    } catch (IOException error) {
      throw new UncheckedIOException(error); // memory cannot fail to be written
    }
    return Answer.json(out.toByteArray());
  }

  /** What the model gives for a row. */
  static List<Object> apply(Model model, Object[] row) {
    try {
      return model.predict(Arrays.asList(row));
    } catch (Exception | StackOverflowError error) { // Scala code throws checked exceptions without declaring them
      throw new IllegalStateException("the model could not be applied: " + Failures.oneLine(error), error);
    }
  }

  @Override
  public String library() {
    return "PMML4S " + Model.class.getPackage().getImplementationVersion();
  }

  @Override
  public byte[] describe() {
    return description;
  }

  private static byte[] describe(Model model, InputField[] inputs, PmmlOutputs outputs) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (JsonGenerator json = Json.FACTORY.createGenerator(out)) {
      json.writeStartObject();
      json.writeStringField("processor", "pmml");
      json.writeObjectFieldStart("model");
      json.writeStringField("name", model.modelName().isDefined() ? model.modelName().get() : "");
      json.writeStringField("kind", model.modelElement().toString());
      json.writeStringField("function", model.functionName().toString());
      json.writeStringField("version", model.version());
      json.writeEndObject();
      json.writeArrayFieldStart("inputs");
      for (InputField input : inputs) input.describe(json);
      json.writeEndArray();
      outputs.describe(json);
      json.writeEndObject();
    } catch (IOException error) {
      throw new UncheckedIOException(error); // memory cannot fail to be written
    }
    return out.toByteArray();
  }
}
