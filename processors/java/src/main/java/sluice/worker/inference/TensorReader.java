package sluice.worker.inference;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import sluice.worker.Json;
import sluice.worker.Refusal;

/** One input tensor of a request, as JSON or little-endian bytes. Everything is checked before memory is taken for it. */
final class TensorReader {
  private static final int DIMENSIONS_MAX = 32;
  private static final long ELEMENTS_MAX = 1L << 31;
  private static final BigInteger INT64_MIN = BigInteger.valueOf(Long.MIN_VALUE);
  private static final BigInteger INT64_MAX = BigInteger.valueOf(Long.MAX_VALUE);

  private final TensorSpec spec;
  private final String where;

  private TensorReader(TensorSpec spec) {
    this.spec = spec;
    this.where = "input " + Json.quoted(spec.name());
  }

  /** @param binary its bytes, or null when `item` has its `data` */
  static Tensor read(TensorSpec spec, Map<?, ?> item, ByteBuffer binary) throws Refusal {
    TensorReader reader = new TensorReader(spec);
    Object datatype = item.get("datatype");
    if (!spec.datatype().equals(datatype)) {
      String found = datatype instanceof String text ? "datatype " + text : "no datatype";
      throw reader.refusal(" has " + found + "; allowed: " + spec.datatype());
    }
    long[] shape = reader.shape(item.get("shape"));
    long count = 1;
    for (long length : shape) count *= length;
    if (binary != null && item.containsKey("data")) throw reader.refusal(" has data and binary_data_size; allowed: one of them");
    Object[] values = binary == null ? reader.ofJson(item.get("data"), shape, count) : reader.ofBytes(binary, shape, count);
    return new Tensor(spec.name(), spec.datatype(), shape, values);
  }

  private Refusal refusal(String text) {
    return new Refusal(where + text);
  }

  /** Of as many dimensions as the model's; or with ones behind them, as a column of a table has. */
  private long[] shape(Object value) throws Refusal {
    String allowed = "; allowed: a list of at most " + DIMENSIONS_MAX + " whole numbers from 0 to " + Integer.MAX_VALUE;
    if (!(value instanceof List<?> list)) throw refusal(": shape is " + JsonTree.kindOf(value) + allowed);
    if (list.size() > DIMENSIONS_MAX) throw refusal(": shape is of " + list.size() + " dimensions" + allowed);
    long[] shape = new long[list.size()];
    double count = 1;
    for (int i = 0; i < shape.length; i++) {
      if (!(list.get(i) instanceof Long length) || length < 0 || length > Integer.MAX_VALUE) {
        Object found = list.get(i);
        throw refusal(": shape has " + (found instanceof Number ? found : JsonTree.kindOf(found)) + allowed);
      }
      shape[i] = length;
      count *= Math.max(1, length);
    }
    if (count > ELEMENTS_MAX) throw refusal(": shape " + text(shape) + " is of more than " + ELEMENTS_MAX + " elements");
    long[] want = spec.shape();
    boolean isFit = shape.length >= want.length && shape.length <= want.length + 1;
    for (int i = 0; isFit && i < shape.length; i++) isFit = i >= want.length ? shape[i] == 1 : want[i] < 0 || want[i] == shape[i];
    if (isFit) return shape;
    long[] column = java.util.Arrays.copyOf(want, want.length + 1);
    column[want.length] = 1;
    throw refusal(" has shape " + text(shape) + "; allowed: " + text(want) + " or " + text(column));
  }

  static String text(long[] shape) {
    StringBuilder text = new StringBuilder("[");
    for (int i = 0; i < shape.length; i++) text.append(i == 0 ? "" : ",").append(shape[i]);
    return text.append(']').toString();
  }

  private Object[] ofJson(Object data, long[] shape, long count) throws Refusal {
    if (!(data instanceof List<?> list)) throw refusal(": data is " + JsonTree.kindOf(data) + "; allowed: a list");
    List<?> flat = list;
    if (list.stream().anyMatch(List.class::isInstance)) {
      flat = flattened(list, shape);
    } else if (list.size() != count) {
      throw refusal(" has " + list.size() + " elements; its shape " + text(shape) + " has " + count);
    }
    Object[] values = new Object[flat.size()];
    for (int i = 0; i < values.length; i++) values[i] = element(flat.get(i));
    return values;
  }

  private List<?> flattened(List<?> data, long[] shape) throws Refusal {
    List<?> level = data;
    for (int depth = 0; depth < shape.length; depth++) {
      boolean isLast = depth == shape.length - 1;
      if (depth == 0 && level.size() != shape[0]) throw wrongLength(level.size(), depth, shape);
      if (isLast) break;
      List<Object> next = new ArrayList<>();
      for (Object part : level) {
        if (!(part instanceof List<?> inner)) throw refusal(": data is nested in another way than its shape " + text(shape));
        if (inner.size() != shape[depth + 1]) throw wrongLength(inner.size(), depth + 1, shape);
        next.addAll(inner);
      }
      level = next;
    }
    return level;
  }

  private Refusal wrongLength(int found, int depth, long[] shape) {
    return refusal(": data has a list of " + found + " elements in dimension " + depth + "; its shape " + text(shape) + " has " + shape[depth]);
  }

  private Object element(Object value) throws Refusal {
    switch (spec.datatype()) {
      case "BOOL":
        if (value instanceof Boolean) return value;
        throw wrongKind(value, "true and false");
      case "BYTES":
        if (value instanceof String) return value;
        throw wrongKind(value, "strings");
      case "INT64":
        if (value instanceof Long) return value;
        if (value instanceof BigInteger) {
          throw refusal(": data has " + value + "; allowed for INT64: " + INT64_MIN + " to " + INT64_MAX);
        }
        throw wrongKind(value, "whole numbers");
      default:
        if (!(value instanceof Number number)) throw wrongKind(value, "numbers");
        double wide = number.doubleValue();
        double found = spec.datatype().equals("FP32") ? (float) wide : wide;
        boolean isLost = Double.isInfinite(found) && !(value instanceof Double given && given.isInfinite());
        if (isLost) throw refusal(": data has " + value + ", which is no " + spec.datatype());
        return found;
    }
  }

  private Refusal wrongKind(Object value, String allowed) {
    return refusal(": data has " + JsonTree.kindOf(value) + "; allowed for " + spec.datatype() + ": " + allowed);
  }

  private Object[] ofBytes(ByteBuffer data, long[] shape, long count) throws Refusal {
    data.order(ByteOrder.LITTLE_ENDIAN);
    if (spec.datatype().equals("BYTES")) return texts(data, shape, count);
    int size = sizeOf(spec.datatype());
    if (data.remaining() != count * size) {
      throw refusal(" has " + data.remaining() + " bytes of binary data; its shape " + text(shape) + " of " + spec.datatype() + " has " + count * size);
    }
    Object[] values = new Object[(int) count];
    for (int i = 0; i < values.length; i++) {
      values[i] = switch (spec.datatype()) {
        case "BOOL" -> bool(data.get());
        case "INT64" -> (Object) data.getLong();
        case "FP32" -> (Object) (double) data.getFloat();
        default -> (Object) data.getDouble();
      };
    }
    return values;
  }

  static int sizeOf(String datatype) {
    return switch (datatype) {
      case "BOOL" -> 1;
      case "FP32" -> 4;
      default -> 8;
    };
  }

  private Object bool(byte value) throws Refusal {
    if (value == 0 || value == 1) return value == 1;
    throw refusal(": binary data has a byte " + (value & 0xff) + "; allowed for BOOL: 0 and 1");
  }

  private Object[] texts(ByteBuffer data, long[] shape, long count) throws Refusal {
    int size = data.remaining();
    if (count * 4 > size) {
      throw refusal(" has " + size + " bytes of binary data; its shape " + text(shape) + " of BYTES has " + count
          + " elements, each with 4 bytes of length before it");
    }
    Object[] values = new Object[(int) count];
    for (int i = 0; i < values.length; i++) {
      long length = data.remaining() < 4 ? Long.MAX_VALUE : data.getInt() & 0xffffffffL;
      if (length > data.remaining()) throw refusal(": element " + i + " ends behind its " + size + " bytes of binary data");
      try {
        ByteBuffer element = data.slice(data.position(), (int) length);
        values[i] = StandardCharsets.UTF_8.newDecoder().decode(element).toString();
      } catch (CharacterCodingException error) {
        throw refusal(": element " + i + " is no UTF-8 text");
      }
      data.position(data.position() + (int) length);
    }
    if (data.hasRemaining()) throw refusal(" has " + data.remaining() + " bytes of binary data after its " + count + " elements");
    return values;
  }
}
