package sluice.worker;

import java.io.EOFException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import sluice.worker.Frames.Frame;
import sluice.worker.custom.CustomProcessor;
import sluice.worker.pmml.PmmlProcessor;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/** A Java processor worker: connects to its engine, loads the model or the user's class, serves until told to stop. */
public final class Main {
  private static final byte[] NOTHING = new byte[0];

  /** User code is running that has not loaded yet: an end of the process now is its doing. */
  private static volatile boolean isLoading;

  private Main() {}

  /** Exit codes: 0 told to stop or engine gone, 1 could not load, 2 not started by an engine, 3 no memory left. */
  public static void main(String[] args) throws Exception {
    if (args.length == 2 && args[0].equals("--train")) {
      TrainingRun.run(args[1]);
      return;
    }
    String path = System.getenv("SLUICE_WORKER_SOCKET");
    if (path == null) {
      System.err.println("SLUICE_WORKER_SOCKET is not set: this program is started by the engine");
      System.exit(2);
    }
    // Only the engine ends this process: a signal to the whole process group must not cut short what is in flight.
    Signal.handle(new Signal("TERM"), SignalHandler.SIG_IGN);
    Signal.handle(new Signal("INT"), SignalHandler.SIG_IGN);
    System.exit(work(path));
  }

  static int work(String socketPath) throws InterruptedException {
    try (SocketChannel socket = SocketChannel.open(UnixDomainSocketAddress.of(socketPath))) {
      Frames frames = new Frames(socket);
      ArrayDeque<Frame> pending = new ArrayDeque<>();
      frames.read(pending);
      Frame first = pending.remove();
      if (first.type() != Frames.INIT) throw new IOException("a frame of type " + first.type() + " before INIT");
      Init init = Init.parse(first.payload());
      Processor processor = load(init, frames);
      if (processor == null) return 1;
      String library = processor.library() == null ? "" : ",\"library\":" + Json.quoted(processor.library());
      long importMs = processor.importMs();
      String stages = importMs < 0 ? "" : ",\"stages\":[{\"name\":\"import\",\"ms\":" + importMs + "}]";
      String ready =
          "{\"pid\":" + ProcessHandle.current().pid() + ",\"runtime\":\"java " + Runtime.version() + "\"" + library + stages + "}";
      send(frames, Frames.READY, ready);
      String outOfMemory =
          "the processor ran out of memory for this request; metadata.memory is " + init.memoryMb() + " MB";
      new Serving(frames, pending, processor, outOfMemory).serve(init.workerThreads());
      return 0;
    } catch (EOFException gone) {
      return 0;
    } catch (IOException error) {
      System.err.println("the connection to the engine failed: " + error.getMessage());
      return 1;
    }
  }

  /** Null when it could not be loaded; the engine has been told why. */
  private static Processor load(Init init, Frames frames) throws IOException {
    boolean isCustom = init.mainClass() != null;
    send(frames, Frames.PROGRESS, isCustom ? "loading " + init.mainClass() : "reading " + init.modelFile());
    try {
      if (!isCustom) return PmmlProcessor.load(init);
      Runtime.getRuntime().addShutdownHook(new Thread(() -> endedWhileLoading(frames)));
      isLoading = true;
      return CustomProcessor.load(init);
    } catch (OutOfMemoryError error) {
      HeapWatch.ranOut();
      String what = isCustom ? "the processor ran out of memory while loading;" : "the model does not fit in memory:";
      fail(frames, what + " metadata.memory is " + init.memoryMb() + " MB");
      System.err.println("java.lang.OutOfMemoryError: " + error.getMessage()); // the last words tell the reason of the end
    } catch (Refusal refusal) {
      fail(frames, refusal.getMessage());
    } catch (Throwable error) { // Scala code throws checked exceptions without declaring them
      error.printStackTrace();
      fail(frames, (isCustom ? "the processor" : "the model") + " could not be loaded: " + Failures.oneLine(error));
    } finally {
      isLoading = false;
    }
    return null;
  }

  private static void endedWhileLoading(Frames frames) {
    if (!isLoading) return;
    try {
      fail(frames, "the processor ended the process while it was loading (System.exit)");
    } catch (IOException gone) {
      // nobody to tell
    }
  }

  private static void fail(Frames frames, String message) throws IOException {
    System.err.println(message);
    send(frames, Frames.FAILED, "{\"message\":" + Json.quoted(message) + "}");
  }

  private static void send(Frames frames, int type, String text) throws IOException {
    frames.queue(type, 0, text.getBytes(StandardCharsets.UTF_8), NOTHING);
    frames.flush();
  }
}
