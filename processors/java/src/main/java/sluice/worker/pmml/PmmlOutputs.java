package sluice.worker.pmml;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.io.SerializedString;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.pmml4s.metadata.OutputField;
import org.pmml4s.model.Model;

/** The output fields of a model, and the ways in which an answer to a row is written. */
final class PmmlOutputs {
  /** Of the Java SDK's JsonFeatureValue. */
  private static final int TYPE_NULL = 0;
  private static final int TYPE_BOOL = 1;
  private static final int TYPE_INT64 = 20;
  private static final int TYPE_DOUBLE = 40;
  private static final int TYPE_STRING = 50;

  final OutputField[] fields;
  private final SerializedString[] names;
  /** Where the predicted value is, or -1. */
  private final int predicted;
  /** For each field, the class that it is the probability of, or null. */
  private final String[] classes;

  PmmlOutputs(Model model) {
    fields = model.outputFields();
    names = Arrays.stream(fields).map(field -> new SerializedString(field.name())).toArray(SerializedString[]::new);
    classes = new String[fields.length];
    int found = -1;
    for (int i = 0; i < fields.length; i++) {
      String feature = fields[i].feature().toString();
      if (feature.equals("predictedValue") && found < 0) found = i;
      if (feature.equals("probability") && fields[i].value().isDefined()) classes[i] = String.valueOf(fields[i].value().get().toVal());
    }
    predicted = found;
  }

  /** One object, a value a field. */
  void write(JsonGenerator json, List<Object> results) throws IOException {
    json.writeStartObject();
    for (int i = 0; i < names.length; i++) {
      json.writeFieldName(names[i]);
      RowWriter.writeValue(json, results.get(i));
    }
    json.writeEndObject();
  }

  /**
   * As the Java SDK's JsonResponse reads it: the predicted class as text, the probability of each class, and the value: the probability of the predicted
   * class, or what a model without classes predicts.
   */
  void writeTyped(JsonGenerator json, List<Object> results) throws IOException {
    Object label = results.isEmpty() ? null : RowWriter.missingAsNull(results.get(Math.max(predicted, 0)));
    Object value = label;
    json.writeStartObject();
    json.writeStringField("outputLabel", label == null ? "" : label.toString());
    json.writeObjectFieldStart("outputMulti");
    for (int i = 0; i < classes.length; i++) {
      if (classes[i] == null || results.get(i) == null) continue;
      json.writeFieldName(classes[i]);
      RowWriter.writeValue(json, results.get(i));
      if (label != null && classes[i].equals(label.toString())) value = results.get(i);
    }
    json.writeEndObject();
    json.writeObjectFieldStart("outputValue");
    json.writeNumberField("dataType", typeOf(value));
    json.writeFieldName("dataValue");
    RowWriter.writeValue(json, value);
    json.writeEndObject();
    json.writeEndObject();
  }

  private static int typeOf(Object value) {
    if (value == null) return TYPE_NULL;
    if (value instanceof Boolean) return TYPE_BOOL;
    if (value instanceof Long || value instanceof Integer) return TYPE_INT64;
    return value instanceof Number ? TYPE_DOUBLE : TYPE_STRING;
  }

  /** Its part of the description. */
  void describe(JsonGenerator json) throws IOException {
    json.writeArrayFieldStart("outputs");
    for (OutputField field : fields) {
      json.writeStartObject();
      json.writeStringField("name", field.name());
      json.writeStringField("dataType", field.dataType().toString());
      json.writeStringField("opType", field.opType().toString());
      json.writeEndObject();
    }
    json.writeEndArray();
  }
}
