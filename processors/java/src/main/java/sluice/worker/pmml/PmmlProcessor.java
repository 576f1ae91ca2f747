package sluice.worker.pmml;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.io.SerializedString;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;
import org.pmml4s.metadata.Field;
import org.pmml4s.metadata.MiningField;
import org.pmml4s.metadata.OutputField;
import org.pmml4s.model.Model;
import sluice.worker.Answer;
import sluice.worker.Json;
import sluice.worker.Processor;
import sluice.worker.Refusal;
import sluice.worker.Request;

/**
 * The built-in processor `pmml` (eas-reference §5.2): rows in, rows out, both JSON. A row with a field missing that
 * has no replacement in the MiningSchema, or of another type than the DataDictionary says, is refused. Fields
 * that the model does not know are ignored.
 */
public final class PmmlProcessor implements Processor {
  private final Model model;
  private final RowReader reader;
  private final SerializedString[] outputNames;
  private final byte[] description;

  private PmmlProcessor(Model model) {
    this.model = model;
    InputField[] inputs = Arrays.stream(model.inputFields())
        .map(field -> new InputField(model, field, miningField(model, field.name())))
        .toArray(InputField[]::new);
    reader = new RowReader(inputs);
    outputNames = Arrays.stream(model.outputNames()).map(SerializedString::new).toArray(SerializedString[]::new);
    description = describe(model, inputs);
  }

  public static PmmlProcessor load(String file, String config) throws Refusal {
    return new PmmlProcessor(PmmlFile.read(file));
  }

  private static MiningField miningField(Model model, String name) {
    for (MiningField field : model.miningSchema().miningFields()) if (field.name().equals(name)) return field;
    return null;
  }

  @Override
  public Answer process(Request request) throws Refusal {
    List<Object[]> rows = reader.read(request.bytes, request.bodyFrom, request.bodyLength);
    ByteArrayOutputStream out = new ByteArrayOutputStream(64 + rows.size() * 128);
    try (JsonGenerator json = Json.FACTORY.createGenerator(out)) {
      json.writeStartArray();
      for (Object[] row : rows) {
        List<Object> results = model.predict(Arrays.asList(row));
        json.writeStartObject();
        for (int i = 0; i < outputNames.length; i++) {
          json.writeFieldName(outputNames[i]);
          RowWriter.writeValue(json, results.get(i));
        }
        json.writeEndObject();
      }
      json.writeEndArray();
    } catch (IOException error) {
      throw new UncheckedIOException(error); // memory cannot fail to be written
    }
    return Answer.json(out.toByteArray());
  }

  @Override
  public byte[] describe() {
    return description;
  }

  private static byte[] describe(Model model, InputField[] inputs) {
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
      json.writeArrayFieldStart("outputs");
      for (OutputField field : model.outputFields()) {
        json.writeStartObject();
        json.writeStringField("name", field.name());
        json.writeStringField("dataType", field.dataType().toString());
        json.writeStringField("opType", field.opType().toString());
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeEndObject();
    } catch (IOException error) {
      throw new UncheckedIOException(error); // memory cannot fail to be written
    }
    return out.toByteArray();
  }
}
