package sluice.worker;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import sluice.worker.pmml.PmmlProcessor;

/**
 * Answers one request for each PMML document of a folder, in one process: NAME.pmml with NAME.request.json. One line for each: its name, a tab, and
 * the answer, or what it was refused with.
 */
final class KindsRun {
  private static final byte[] HEAD = "POST /\n".getBytes(StandardCharsets.ISO_8859_1);

  private KindsRun() {}

  public static void main(String[] folders) throws Exception {
    List<Path> files;
    try (Stream<Path> all = Files.list(Path.of(folders[0]))) {
      files = all.filter(file -> file.toString().endsWith(".pmml")).sorted().toList();
    }
    for (Path file : files) {
      String name = file.getFileName().toString().replace(".pmml", "");
      System.out.println(name + "\t" + answer(file, Files.readAllBytes(Path.of(folders[1], name + ".json"))));
    }
  }

  private static String answer(Path model, byte[] body) {
    String init = "{\"protocol\":1,\"processor\":{\"family\":\"pmml\"},\"model\":{\"path\":" + Json.quoted(model.toString())
        + "},\"rpc\":{\"workerThreads\":1},\"limits\":{\"memoryMb\":256}}";
    byte[] payload = new byte[2 + HEAD.length + body.length];
    payload[0] = (byte) HEAD.length;
    System.arraycopy(HEAD, 0, payload, 2, HEAD.length);
    System.arraycopy(body, 0, payload, 2 + HEAD.length, body.length);
    try {
      PmmlProcessor processor = PmmlProcessor.load(Init.parse(init.getBytes(StandardCharsets.UTF_8)));
      return new String(processor.process(new Request(payload)).body(), StandardCharsets.UTF_8);
    } catch (Refusal refusal) {
      return "refused: " + refusal.getMessage();
    } catch (Throwable error) {
      return "failed: " + error;
    }
  }
}
