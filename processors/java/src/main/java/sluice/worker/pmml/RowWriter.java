package sluice.worker.pmml;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;

/** Values of a model as JSON. */
final class RowWriter {
  private RowWriter() {}

  /** The library says by this number that a whole number is missing. */
  static Object missingAsNull(Object value) {
    return value instanceof Long number && number == Long.MIN_VALUE ? null : value;
  }

  /** Doubles in full precision, so that reading them gives the same bits; NaN and infinities are null. */
  static void writeValue(JsonGenerator json, Object found) throws IOException {
    Object value = missingAsNull(found);
    if (value == null) json.writeNull();
    else if (value instanceof Double d) {
      if (Double.isFinite(d)) json.writeNumber(d.doubleValue());
      else json.writeNull();
    } else if (value instanceof Float f) {
      if (Float.isFinite(f)) json.writeNumber(f.floatValue());
      else json.writeNull();
    } else if (value instanceof Long || value instanceof Integer) json.writeNumber(((Number) value).longValue());
    else if (value instanceof Boolean b) json.writeBoolean(b);
    else json.writeString(value.toString());
  }
}
