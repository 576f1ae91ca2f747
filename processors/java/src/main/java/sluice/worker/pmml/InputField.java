package sluice.worker.pmml;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.pmml4s.common.AboveInterval;
import org.pmml4s.common.BelowInterval;
import org.pmml4s.common.GenericInterval;
import org.pmml4s.common.Interval;
import org.pmml4s.common.PointInterval;
import org.pmml4s.data.DataVal;
import org.pmml4s.metadata.Field;
import org.pmml4s.metadata.MiningField;
import sluice.worker.Json;

/** One field that the model reads: what JSON value it takes, and what is said when it gets another. */
final class InputField {
  /** In place of a value: the row has another type there, or a value that is not allowed. */
  static final Object BAD = new Object();

  private enum Kind { NUMBER, WHOLE_NUMBER, TEXT, BOOLEAN }

  /** Listed values beyond this are left out of messages. */
  private static final int VALUES_SHOWN_MAX = 10;

  final String name;
  /** A row without it is refused. */
  final boolean isRequired;
  /** In place of a value that is missing: null for a missing value, BAD for a refusal, or the default of the type. */
  final Object whenMissing;
  private final AtomicBoolean isDefaultTold = new AtomicBoolean();
  private final Field field;
  private final String dataType;
  private final Kind kind;
  /** The values that the DataDictionary lists; empty when it lists none. */
  private final DataVal[] values;
  private final boolean isChecked;

  /** @param hasPolicy the document says what becomes of a missing value of it */
  InputField(Field field, MiningField mining, boolean hasPolicy, MissingRule rule) {
    this.field = field;
    name = field.name();
    dataType = field.dataType().toString();
    kind = switch (dataType) {
      case "double", "float", "real" -> Kind.NUMBER;
      case "integer" -> Kind.WHOLE_NUMBER;
      case "boolean" -> Kind.BOOLEAN;
      default -> Kind.TEXT;
    };
    String invalid = mining == null ? "returnInvalid" : mining.invalidValueTreatment().toString();
    // Where the DataDictionary lists no values, the library gathers those that the model happens to name: they allow
    // and forbid nothing.
    values = field.isMutable() ? new DataVal[0] : field.validValues();
    isChecked = invalid.equals("returnInvalid") && (values.length > 0 || field.intervals().length > 0);
    boolean isReplaced = hasPolicy || (mining != null && mining.missingValueReplacement().isDefined());
    whenMissing = isReplaced ? null : switch (rule) {
      case MODEL -> null;
      case REFUSE -> BAD;
      case DEFAULT -> checked(defaultOfType());
    };
    isRequired = whenMissing == BAD;
  }

  /** eas-reference §5.2; a date has none. */
  private Object defaultOfType() {
    return switch (kind) {
      case NUMBER -> (Object) 0.0;
      case WHOLE_NUMBER -> (Object) 0L;
      case BOOLEAN -> (Object) false;
      case TEXT -> dataType.equals("string") ? "" : BAD;
    };
  }

  /** As {@link #whenMissing}; the first default that is taken is said in the log. */
  Object missing() {
    if (whenMissing != null && whenMissing != BAD && !isDefaultTold.getPlain() && isDefaultTold.compareAndSet(false, true)) {
      System.err.println("field " + Json.quoted(name) + " is missing in a request: " + (kind == Kind.TEXT ? "\"\"" : whenMissing)
          + " is taken for it; model_config {\"missing\": \"refuse\"} refuses such rows");
    }
    return whenMissing;
  }

  /** A value of the right type, or BAD when the DataDictionary does not allow it. */
  private Object checked(Object value) {
    if (value == null || value == BAD || !isChecked) return value;
    return field.isValidValue(DataVal.from(value)) && isWithin(value) ? value : BAD;
  }

  /** Datatype of its tensor in the Open Inference Protocol. */
  String datatype() {
    return switch (kind) {
      case NUMBER -> dataType.equals("float") ? "FP32" : "FP64";
      case WHOLE_NUMBER -> "INT64";
      case BOOLEAN -> "BOOL";
      case TEXT -> "BYTES";
    };
  }

  /** One element of its tensor; NaN is a missing value. BAD as in {@link #read}. */
  Object element(Object value) {
    if (value instanceof Double number && number.isNaN()) return missing();
    return checked(value instanceof Double number ? finite(number) : value);
  }

  /** The value under the parser, null for JSON null, or {@link #BAD}. Consumes nested values. */
  Object read(JsonParser json) throws IOException {
    return checked(readTyped(json));
  }

  private Object readTyped(JsonParser json) throws IOException {
    JsonToken token = json.currentToken();
    switch (token) {
      case VALUE_NULL:
        return null;
      case VALUE_NUMBER_INT:
        if (kind == Kind.WHOLE_NUMBER) {
          return json.getNumberType() == JsonParser.NumberType.BIG_INTEGER ? BAD : (Object) json.getLongValue();
        }
        if (kind == Kind.NUMBER) return finite(json.getDoubleValue());
        return BAD;
      case VALUE_NUMBER_FLOAT:
        if (kind == Kind.NUMBER) return finite(json.getDoubleValue());
        if (kind == Kind.WHOLE_NUMBER) {
          double value = json.getDoubleValue();
          return value == Math.rint(value) && Math.abs(value) < 0x1p53 ? (Object) (long) value : BAD;
        }
        return BAD;
      case VALUE_STRING:
        return kind == Kind.TEXT ? json.getText() : BAD;
      case VALUE_TRUE:
      case VALUE_FALSE:
        return kind == Kind.BOOLEAN ? (Object) (token == JsonToken.VALUE_TRUE) : BAD;
      default:
        return BAD;
    }
  }

  private static Object finite(double value) {
    return Double.isFinite(value) ? (Object) value : BAD;
  }

  private boolean isWithin(Object value) {
    Interval[] intervals = field.intervals();
    if (intervals.length == 0 || !(value instanceof Number number)) return true;
    for (Interval interval : intervals) if (interval.contains(number.doubleValue())) return true;
    return false;
  }

  /** What may stand there, for people. */
  String allowed() {
    String what = switch (kind) {
      case NUMBER -> "a number";
      case WHOLE_NUMBER -> "a whole number";
      case TEXT -> dataType.equals("string") ? "text" : "text with a " + dataType;
      case BOOLEAN -> "true or false";
    };
    if (values.length > 0) {
      StringBuilder text = new StringBuilder("one of ");
      for (int i = 0; i < values.length && i < VALUES_SHOWN_MAX; i++) {
        if (i > 0) text.append(", ");
        text.append(kind == Kind.TEXT ? Json.quoted(plain(values[i])) : plain(values[i]));
      }
      if (values.length > VALUES_SHOWN_MAX) text.append(" … (").append(values.length).append(" values)");
      return text.toString();
    }
    Interval[] intervals = field.intervals();
    for (int i = 0; i < intervals.length; i++) what += (i == 0 ? " in " : " or ") + intervalText(intervals[i]);
    return what;
  }

  private static String plain(DataVal value) {
    return String.valueOf(value.toVal());
  }

  private static String intervalText(Interval interval) {
    if (interval instanceof AboveInterval a) return (a.isOpen() ? "(" : "[") + a.leftMargin() + ", ∞)";
    if (interval instanceof BelowInterval b) return "(-∞, " + b.rightMargin() + (b.isOpen() ? ")" : "]");
    if (interval instanceof GenericInterval g) {
      return (g.contains(g.leftMargin()) ? "[" : "(") + g.leftMargin() + ", " + g.rightMargin() + (g.contains(g.rightMargin()) ? "]" : ")");
    }
    return interval.toString();
  }

  /** Its entry in the description. */
  void describe(JsonGenerator json) throws IOException {
    json.writeStartObject();
    json.writeStringField("name", name);
    json.writeStringField("dataType", dataType);
    json.writeStringField("opType", field.opType().toString());
    json.writeBooleanField("required", isRequired);
    if (values.length > 0) {
      json.writeArrayFieldStart("values");
      for (DataVal value : values) RowWriter.writeValue(json, value.toVal());
      json.writeEndArray();
    }
    if (field.intervals().length > 0) {
      json.writeArrayFieldStart("intervals");
      for (Interval interval : field.intervals()) json.writeString(intervalText(interval));
      json.writeEndArray();
    }
    json.writeEndObject();
  }
}
