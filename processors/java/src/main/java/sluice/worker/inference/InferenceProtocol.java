package sluice.worker.inference;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import sluice.worker.Answer;
import sluice.worker.Failures;
import sluice.worker.Init;
import sluice.worker.Json;
import sluice.worker.Refusal;
import sluice.worker.Request;

/**
 * The Open Inference Protocol v2 over HTTP (kserve/open-inference-protocol), with Triton's binary tensor data extension. One service is one model: it is
 * called by the service's name, by that of its group, or by that of its file. Says the same as processors/python/ready/inference_protocol.py.
 */
public final class InferenceProtocol {
  private final TensorModel model;
  private final String service;
  private final String version;
  private final String serverVersion;
  private final Set<String> names = new LinkedHashSet<>();

  public InferenceProtocol(Init init, TensorModel model) {
    this.model = model;
    service = init.service() == null ? "model" : init.service();
    version = String.valueOf(init.version());
    serverVersion = init.sluice() == null ? "" : init.sluice();
    names.add(service);
    if (init.group() != null) names.add(init.group());
    String file = init.modelFile() == null ? "" : init.modelFile().replaceAll("/+$", "");
    file = file.substring(file.lastIndexOf('/') + 1);
    int ending = file.lastIndexOf('.');
    if (!file.isEmpty()) names.add(file);
    if (ending > 0) names.add(file.substring(0, ending));
  }

  /** Every refusal is `{"error": …}` as JSON. */
  public Answer answer(Request request) {
    try {
      return route(request);
    } catch (Refusal refusal) {
      return error(400, refusal.getMessage());
    } catch (IOException error) {
      throw new UncheckedIOException(error); // memory cannot fail to be written
    } catch (RuntimeException error) {
      error.printStackTrace();
      return error(500, Failures.oneLine(error));
    }
  }

  private Answer route(Request request) throws Refusal, IOException {
    String path = request.path();
    List<String> steps = new ArrayList<>();
    for (String step : path.replaceAll("^/+|/+$", "").split("/")) steps.add(decoded(step));
    steps.remove(0);
    if (steps.equals(List.of("health", "live"))) return get(request, "{\"live\":true}");
    if (steps.equals(List.of("health", "ready"))) return get(request, "{\"ready\":true}");
    if (steps.isEmpty()) {
      return get(request, "{\"name\":\"sluice\",\"version\":" + Json.quoted(serverVersion) + ",\"extensions\":[\"binary_tensor_data\"]}");
    }
    if (!steps.get(0).equals("models") || steps.size() < 2) return noSuch(path);
    String name = steps.get(1);
    List<String> rest = steps.subList(2, steps.size());
    if (!names.contains(name)) {
      return error(404, "unknown model " + Json.quoted(name) + "; this service has " + Json.quoted(service));
    }
    if (rest.size() > 1 && rest.get(0).equals("versions")) {
      if (!rest.get(1).equals(version)) {
        return error(404, "unknown version " + Json.quoted(rest.get(1)) + " of model " + Json.quoted(name) + "; there is " + Json.quoted(version));
      }
      rest = rest.subList(2, rest.size());
    }
    if (rest.isEmpty()) return get(request, metadata(name));
    if (rest.equals(List.of("ready"))) return get(request, "{\"name\":" + Json.quoted(name) + ",\"ready\":true}");
    if (!rest.equals(List.of("infer"))) return noSuch(path);
    if (!request.method().equals("POST")) return wrongMethod(request, "POST");
    return infer(name, InferRequest.of(request, model));
  }

  private static String decoded(String step) {
    try {
      return URLDecoder.decode(step.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException error) {
      return step;
    }
  }

  private static Answer get(Request request, String json) {
    String method = request.method();
    if (!method.equals("GET") && !method.equals("HEAD")) return wrongMethod(request, "GET");
    return Answer.json(json.getBytes(StandardCharsets.UTF_8));
  }

  private static Answer noSuch(String path) {
    return error(404, "no such path of the Open Inference Protocol: " + path);
  }

  private static Answer wrongMethod(Request request, String allowed) {
    Answer answer = error(405, request.method() + " is not for this path; allowed: " + allowed);
    return new Answer(405, Answer.headOf("content-type: application/json", "allow: " + allowed), answer.body());
  }

  private static Answer error(int status, String text) {
    return Answer.json(status, ("{\"error\":" + Json.quoted(text) + "}").getBytes(StandardCharsets.UTF_8));
  }

  private String metadata(String name) {
    return "{\"name\":" + Json.quoted(name) + ",\"versions\":[" + Json.quoted(version) + "],\"platform\":" + Json.quoted(model.platform())
        + ",\"inputs\":" + specs(model.inputs()) + ",\"outputs\":" + specs(model.outputs()) + "}";
  }

  private static String specs(List<TensorSpec> specs) {
    List<String> texts = new ArrayList<>();
    for (TensorSpec spec : specs) {
      texts.add("{\"name\":" + Json.quoted(spec.name()) + ",\"datatype\":\"" + spec.datatype() + "\",\"shape\":" + Arrays.toString(spec.shape()).replace(" ", "") + "}");
    }
    return "[" + String.join(",", texts) + "]";
  }

  private Answer infer(String name, InferRequest request) throws Refusal, IOException {
    List<Tensor> outputs = model.infer(request.inputs, request.wanted);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    List<byte[]> parts = new ArrayList<>();
    try (JsonGenerator json = Json.FACTORY.createGenerator(out)) {
      json.writeStartObject();
      json.writeStringField("model_name", name);
      json.writeStringField("model_version", version);
      if (request.id != null) json.writeStringField("id", request.id);
      json.writeArrayFieldStart("outputs");
      for (int i = 0; i < outputs.size(); i++) {
        Tensor tensor = outputs.get(i);
        json.writeStartObject();
        json.writeStringField("name", tensor.name());
        json.writeStringField("datatype", tensor.datatype());
        json.writeFieldName("shape");
        json.writeArray(tensor.shape(), 0, tensor.shape().length);
        if (request.isBinary.get(i)) {
          parts.add(TensorWriter.bytes(tensor));
          json.writeObjectFieldStart("parameters");
          json.writeNumberField("binary_data_size", parts.get(parts.size() - 1).length);
          json.writeEndObject();
        } else {
          json.writeFieldName("data");
          TensorWriter.json(json, tensor);
        }
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeEndObject();
    }
    if (!request.isBinary.contains(true)) return Answer.json(out.toByteArray());
    int length = out.size();
    for (byte[] part : parts) out.writeBytes(part);
    byte[] head = Answer.headOf("content-type: application/octet-stream", "inference-header-content-length: " + length);
    return new Answer(200, head, out.toByteArray());
  }
}
