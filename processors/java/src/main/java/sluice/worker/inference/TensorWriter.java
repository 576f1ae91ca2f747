package sluice.worker.inference;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import sluice.worker.Json;
import sluice.worker.Refusal;

/** Output tensors of an answer, as JSON or little-endian bytes. */
final class TensorWriter {
  private TensorWriter() {}

  static byte[] bytes(Tensor tensor) {
    if (tensor.datatype().equals("BYTES")) return texts(tensor);
    ByteBuffer out = ByteBuffer.allocate(tensor.values().length * TensorReader.sizeOf(tensor.datatype())).order(ByteOrder.LITTLE_ENDIAN);
    for (Object value : tensor.values()) {
      switch (tensor.datatype()) {
        case "BOOL" -> out.put((byte) ((Boolean) value ? 1 : 0));
        case "INT64" -> out.putLong((Long) value);
        case "FP32" -> out.putFloat(((Double) value).floatValue());
        default -> out.putDouble((Double) value);
      }
    }
    return out.array();
  }

  private static byte[] texts(Tensor tensor) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (Object value : tensor.values()) {
      byte[] text = ((String) value).getBytes(StandardCharsets.UTF_8);
      out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(text.length).array());
      out.writeBytes(text);
    }
    return out.toByteArray();
  }

  /** A flat list in row-major order. */
  static void json(JsonGenerator json, Tensor tensor) throws IOException, Refusal {
    json.writeStartArray();
    for (Object value : tensor.values()) {
      if (value instanceof Double number) {
        if (!Double.isFinite(number)) {
          throw new Refusal("output " + Json.quoted(tensor.name()) + " has " + (number.isNaN() ? "NaN" : "Infinity")
              + ", which JSON cannot say; ask for it as binary data (parameters.binary_data: true)");
        }
        if (tensor.datatype().equals("FP32")) json.writeNumber(number.floatValue());
        else json.writeNumber(number);
      } else if (value instanceof Long number) {
        json.writeNumber(number);
      } else if (value instanceof Boolean flag) {
        json.writeBoolean(flag);
      } else {
        json.writeString((String) value);
      }
    }
    json.writeEndArray();
  }
}
