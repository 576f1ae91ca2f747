package sluice.worker.inference;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import java.util.zip.InflaterInputStream;
import sluice.worker.Json;
import sluice.worker.Refusal;
import sluice.worker.Request;

/** One `infer` request, checked against a model: its tensors, and which outputs it wants in which form. */
final class InferRequest {
  /** What a compressed request may become: as much as a frame holds. */
  private static final int BODY_BYTES_MAX = 256 * 1024 * 1024;
  private static final int NAMES_SHOWN_MAX = 20;

  /** Null when none was given. */
  final String id;
  final Map<String, Tensor> inputs;
  final List<TensorSpec> wanted = new ArrayList<>();
  /** For each of `wanted`: as binary data. */
  final List<Boolean> isBinary = new ArrayList<>();

  static InferRequest of(Request request, TensorModel model) throws Refusal {
    byte[] bytes = request.bytes;
    int from = request.bodyFrom;
    int length = request.bodyLength;
    String encoding = request.header("content-encoding");
    if (encoding != null && !encoding.isEmpty() && !encoding.equals("identity")) {
      bytes = decoded(new ByteArrayInputStream(bytes, from, length), encoding);
      from = 0;
      length = bytes.length;
    }
    int jsonLength = length;
    String told = request.header("inference-header-content-length");
    if (told != null) {
      boolean isFit = told.matches("\\d{1,10}") && Long.parseLong(told) <= length;
      if (!isFit) throw new Refusal("Inference-Header-Content-Length is " + told + "; allowed: 0 to " + length);
      jsonLength = Integer.parseInt(told);
    }
    ByteBuffer binary = ByteBuffer.wrap(bytes, from + jsonLength, length - jsonLength);
    return new InferRequest(JsonTree.object(bytes, from, jsonLength), binary, model);
  }

  private InferRequest(Map<String, Object> body, ByteBuffer binary, TensorModel model) throws Refusal {
    Object given = body.get("id");
    if (given != null && !(given instanceof String)) throw new Refusal("id is " + JsonTree.kindOf(given) + "; allowed: a string");
    id = (String) given;
    boolean isAllBinary = flag(parameters(body, "the request"), "binary_data_output", "the request", false);
    readWanted(body.get("outputs"), isAllBinary, model.outputs());
    inputs = readInputs(body.get("inputs"), binary, model.inputs());
  }

  private void readWanted(Object listed, boolean isAllBinary, List<TensorSpec> outputs) throws Refusal {
    if (listed != null && !(listed instanceof List)) throw new Refusal("outputs is " + JsonTree.kindOf(listed) + "; allowed: a list");
    if (listed == null || ((List<?>) listed).isEmpty()) {
      for (TensorSpec spec : outputs) want(spec, isAllBinary);
      return;
    }
    int at = 0;
    for (Object item : (List<?>) listed) {
      String name = name(item, "outputs[" + at++ + "]");
      String where = "output " + Json.quoted(name);
      TensorSpec spec = find(outputs, name);
      if (spec == null) throw new Refusal("unknown " + where + "; allowed: " + listed(outputs));
      if (wanted.contains(spec)) throw new Refusal(where + " comes twice");
      Map<?, ?> parameters = parameters((Map<?, ?>) item, where);
      refuseExtensions(parameters, where);
      want(spec, flag(parameters, "binary_data", where, isAllBinary));
    }
  }

  private void want(TensorSpec spec, boolean asBinary) {
    wanted.add(spec);
    isBinary.add(asBinary);
  }

  private static Map<String, Tensor> readInputs(Object listed, ByteBuffer binary, List<TensorSpec> specs) throws Refusal {
    if (listed == null) throw new Refusal("inputs: nothing; allowed: a list of tensors");
    if (!(listed instanceof List<?> items)) throw new Refusal("inputs is " + JsonTree.kindOf(listed) + "; allowed: a list of tensors");
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (int i = 0; i < items.size(); i++) {
      String name = name(items.get(i), "inputs[" + i + "]");
      String where = "input " + Json.quoted(name);
      TensorSpec spec = find(specs, name);
      if (spec == null) throw new Refusal("unknown " + where + "; allowed: " + listed(specs));
      if (tensors.containsKey(name)) throw new Refusal(where + " comes twice");
      Map<?, ?> item = (Map<?, ?>) items.get(i);
      Map<?, ?> parameters = parameters(item, where);
      refuseExtensions(parameters, where);
      ByteBuffer own = null;
      Object size = parameters.get("binary_data_size");
      if (size != null) {
        if (!(size instanceof Long bytes) || bytes < 0 || bytes > binary.remaining()) {
          throw new Refusal(where + ": binary_data_size is " + size + "; allowed here: 0 to " + binary.remaining());
        }
        own = binary.slice(binary.position(), bytes.intValue());
        binary.position(binary.position() + bytes.intValue());
      }
      tensors.put(name, TensorReader.read(spec, item, own));
    }
    if (binary.hasRemaining()) {
      throw new Refusal(binary.remaining() + " bytes of binary data are left behind the inputs; sizes are binary_data_size of each");
    }
    for (TensorSpec spec : specs) {
      if (!spec.isOptional() && !tensors.containsKey(spec.name())) throw new Refusal("input " + Json.quoted(spec.name()) + " is missing");
    }
    return tensors;
  }

  private static TensorSpec find(List<TensorSpec> specs, String name) {
    for (TensorSpec spec : specs) if (spec.name().equals(name)) return spec;
    return null;
  }

  private static String listed(List<TensorSpec> specs) {
    List<String> names = specs.stream().limit(NAMES_SHOWN_MAX).map(spec -> Json.quoted(spec.name())).toList();
    return String.join(", ", names) + (specs.size() > NAMES_SHOWN_MAX ? " and " + (specs.size() - NAMES_SHOWN_MAX) + " more" : "");
  }

  private static String name(Object item, String where) throws Refusal {
    if (!(item instanceof Map<?, ?> object)) throw new Refusal(where + " is " + JsonTree.kindOf(item) + "; allowed: an object");
    if (object.get("name") instanceof String name) return name;
    throw new Refusal(where + ": name is " + JsonTree.kindOf(object.get("name")) + "; allowed: a string");
  }

  private static Map<?, ?> parameters(Map<?, ?> item, String where) throws Refusal {
    Object found = item.get("parameters");
    if (found == null) return Map.of();
    if (found instanceof Map<?, ?> parameters) return parameters;
    throw new Refusal(where + ": parameters is " + JsonTree.kindOf(found) + "; allowed: an object");
  }

  private static boolean flag(Map<?, ?> parameters, String name, String where, boolean otherwise) throws Refusal {
    Object value = parameters.get(name);
    if (value == null) return otherwise;
    if (value instanceof Boolean flag) return flag;
    throw new Refusal(where + ": " + name + " is " + JsonTree.kindOf(value) + "; allowed: true or false");
  }

  private static void refuseExtensions(Map<?, ?> parameters, String where) throws Refusal {
    for (String name : List.of("shared_memory_region", "classification")) {
      if (parameters.containsKey(name)) {
        throw new Refusal(where + " has the parameter " + name + ", an extension that is not offered here; offered: binary_tensor_data");
      }
    }
  }

  private static byte[] decoded(InputStream in, String encoding) throws Refusal {
    if (!encoding.equals("gzip") && !encoding.equals("deflate")) {
      throw new Refusal("content-encoding is " + encoding + "; allowed: gzip, deflate");
    }
    try (InputStream out = encoding.equals("gzip") ? new GZIPInputStream(in) : new InflaterInputStream(in)) {
      byte[] body = out.readNBytes(BODY_BYTES_MAX + 1);
      if (body.length > BODY_BYTES_MAX) throw new Refusal("the body is more than " + BODY_BYTES_MAX + " bytes when decompressed");
      return body;
    } catch (IOException error) {
      throw new Refusal("the body is not " + encoding + ": " + error.getMessage());
    }
  }
}
