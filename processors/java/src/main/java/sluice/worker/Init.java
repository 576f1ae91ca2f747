package sluice.worker;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;

/** What this worker needs of the INIT frame. */
record Init(String modelFile, int workerThreads, int memoryMb) {
  static Init parse(byte[] json) throws IOException {
    String path = null;
    String entry = null;
    int threads = 0;
    int memory = 0;
    int protocol = 0;
    try (JsonParser parser = Main.JSON.createParser(json)) {
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
            case "model.path" -> path = parser.getValueAsString();
            case "model.entry" -> entry = parser.getValueAsString();
            case "rpc.workerThreads" -> threads = parser.getIntValue();
            case "limits.memoryMb" -> memory = (int) parser.getDoubleValue();
            default -> {}
          }
        }
      }
    }
    if (protocol != Frames.PROTOCOL) throw new IOException("the engine speaks protocol " + protocol);
    return new Init(entry != null ? entry : path, Math.max(1, threads), memory);
  }
}
