package sluice.worker;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;

/**
 * What this worker needs of the INIT frame. `mainClass`, `dir` and `entry` are those of a processor of the user's own, and only
 * there for one. `modelFile` is the entry file, or else the model; null when there is none. `service`, `group` (null: none), `version` and `sluice` say what is
 * served, for whoever asks.
 */
public record Init(
    String sluice,
    String service,
    String group,
    int version,
    String dir,
    String entry,
    String mainClass,
    String modelFile,
    String modelConfig,
    int workerThreads,
    int memoryMb) {
  static Init parse(byte[] json) throws IOException {
    String sluice = null;
    String service = null;
    String serviceGroup = null;
    int version = 1;
    String dir = null;
    String processorEntry = null;
    String mainClass = null;
    String path = null;
    String entry = null;
    String config = null;
    int threads = 0;
    int memory = 0;
    int protocol = 0;
    try (JsonParser parser = Json.FACTORY.createParser(json)) {
      String group = "";
      int depth = 0;
      for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
        if (token.isStructStart()) {
          if (++depth == 2) group = parser.currentName();
        } else if (token.isStructEnd()) {
          if (--depth == 1) group = "";
        } else if (token != JsonToken.FIELD_NAME && depth <= 2) {
          switch (group + "." + parser.currentName()) {
            case ".protocol" -> protocol = parser.getIntValue();
            case ".sluice" -> sluice = parser.getValueAsString();
            case ".service" -> service = parser.getValueAsString();
            case ".group" -> serviceGroup = parser.getValueAsString();
            case ".version" -> version = parser.getIntValue();
            case "processor.dir" -> dir = parser.getValueAsString();
            case "processor.entry" -> processorEntry = parser.getValueAsString();
            case "processor.mainClass" -> mainClass = parser.getValueAsString();
            case "model.path" -> path = parser.getValueAsString();
            case "model.entry" -> entry = parser.getValueAsString();
            case "model.config" -> config = parser.getValueAsString();
            case "rpc.workerThreads" -> threads = parser.getIntValue();
            case "limits.memoryMb" -> memory = (int) parser.getDoubleValue();
            default -> {}
          }
        }
      }
    }
    if (protocol != Frames.PROTOCOL) throw new IOException("the engine speaks protocol " + protocol);
    String model = entry != null ? entry : path;
    return new Init(sluice, service, serviceGroup, version, dir, processorEntry, mainClass, model, config, Math.max(1, threads), memory);
  }
}
