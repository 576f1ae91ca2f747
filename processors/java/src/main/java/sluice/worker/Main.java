package sluice.worker;

import com.fasterxml.jackson.core.JsonFactory;
import java.io.EOFException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import sluice.worker.Frames.Frame;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/** A Java processor worker: connects to its engine, loads the model, serves until told to stop. */
public final class Main {
  static final JsonFactory JSON = new JsonFactory();

  private Main() {}

  /** Exit codes: 0 told to stop or engine gone, 1 could not load, 2 not started by an engine. */
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
      String reading = "reading " + init.modelFile();
      frames.queue(Frames.PROGRESS, 0, reading.getBytes(StandardCharsets.UTF_8), new byte[0]);
      frames.flush();
      Processor processor;
      try {
        processor = PmmlProcessor.load(init.modelFile());
      } catch (OutOfMemoryError error) {
        fail(frames, "the model does not fit in memory: metadata.memory is " + init.memoryMb() + " MB");
        return 1;
      } catch (Processor.Refusal refusal) {
        fail(frames, refusal.getMessage());
        return 1;
      } catch (Exception | StackOverflowError error) { // Scala code throws checked exceptions without declaring them
        error.printStackTrace();
        fail(frames, "the model could not be loaded: " + oneLine(error));
        return 1;
      }
      String ready = "{\"pid\":" + ProcessHandle.current().pid() + ",\"runtime\":\"java " + Runtime.version() + "\"}";
      frames.queue(Frames.READY, 0, ready.getBytes(StandardCharsets.UTF_8), new byte[0]);
      frames.flush();
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

  private static void fail(Frames frames, String message) throws IOException {
    System.err.println(message);
    StringBuilder json = new StringBuilder("{\"message\":\"");
    json.append(com.fasterxml.jackson.core.io.JsonStringEncoder.getInstance().quoteAsString(message));
    frames.queue(Frames.FAILED, 0, json.append("\"}").toString().getBytes(StandardCharsets.UTF_8), new byte[0]);
    frames.flush();
  }

  /** Message of an error, or its type when it has none, in one line. */
  static String oneLine(Throwable error) {
    String message = error.getMessage();
    String text = message == null || message.isBlank() ? error.getClass().getSimpleName() : message;
    text = text.replaceAll("\\s+", " ").strip();
    return text.length() > 2000 ? text.substring(0, 2000) : text;
  }
}
