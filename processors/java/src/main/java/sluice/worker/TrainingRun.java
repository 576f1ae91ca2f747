package sluice.worker;

import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import sluice.worker.Frames.Frame;

/**
 * Plays the engine against this process's own worker once, so that all classes that a start needs are loaded
 * when the build makes the class data archive. Also a smoke test: it fails when the answer is not what it must be.
 */
final class TrainingRun {
  private static final byte[] NOTHING = new byte[0];

  private static final ArrayDeque<Frame> got = new ArrayDeque<>();

  private TrainingRun() {}

  static void run(String modelFile) throws Exception {
    Path folder = Files.createTempDirectory("sluice-worker");
    Path path = folder.resolve("s");
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(path));
      Thread worker = new Thread(() -> {
        try {
          Main.work(path.toString());
        } catch (InterruptedException stopped) {
          Thread.currentThread().interrupt();
        }
      });
      worker.start();
      try (SocketChannel socket = server.accept()) {
        Frames frames = new Frames(socket);
        String init = "{\"protocol\":1,\"processor\":{\"family\":\"pmml\"},\"model\":{\"path\":" + Json.quoted(modelFile)
            + "},\"rpc\":{\"workerThreads\":2},\"limits\":{\"memoryMb\":256}}";
        send(frames, Frames.INIT, 0, NOTHING, init);
        expect(frames, Frames.PROGRESS, "reading");
        expect(frames, Frames.READY, "java");
        byte[] head = "\u0007\u0000POST /\n".getBytes(StandardCharsets.ISO_8859_1);
        String row = "{\"age\":54.5,\"vessels\":1,\"chol\":210,\"pain\":\"typical\",\"smoker\":true}";
        for (int i = 1; i < 50; i++) {
          send(frames, Frames.REQUEST, i, head, "[" + row + "," + row + "]");
          expect(frames, Frames.RESPONSE, "p_1");
        }
        send(frames, Frames.REQUEST, 50, head, "[{\"age\":\"x\"}]");
        expect(frames, Frames.ERROR, "allowed: a number");
        send(frames, Frames.REQUEST, 51, head, "[{");
        expect(frames, Frames.ERROR, "not JSON at line 1");
        send(frames, Frames.DESCRIBE, 52, NOTHING, "");
        expect(frames, Frames.RESPONSE, "\"inputs\"");
        send(frames, Frames.SHUTDOWN, 0, NOTHING, "");
      }
      worker.join();
    } finally {
      Files.deleteIfExists(path);
      Files.deleteIfExists(folder);
    }
  }

  private static void send(Frames frames, int type, int id, byte[] front, String body) throws Exception {
    frames.queue(type, id, front, body.getBytes(StandardCharsets.UTF_8));
    frames.flush();
  }

  private static void expect(Frames frames, int type, String part) throws Exception {
    if (got.isEmpty()) frames.read(got);
    Frame frame = got.remove();
    String text = new String(frame.payload(), StandardCharsets.UTF_8);
    if (frame.type() != type || !text.contains(part)) {
      throw new IllegalStateException("expected a frame of type " + type + " with " + part + ", got " + text);
    }
  }
}
