package sluice.worker;

import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.concurrent.locks.ReentrantLock;
import sluice.worker.Frames.Frame;

/**
 * Answers requests with a pool of threads, one of which leads: it reads frames, works on short requests itself
 * and sends the answers of one read in one write, so that they cost no hand-off. Before a long request it
 * gives the lead to another thread. Long is a body above INLINE_BYTES_MAX, or any request within SLOW_MEMORY_NS
 * of one that took more than SLOW_NS: scoring time follows the number of rows and the size of the model.
 *
 * <p>There is one thread more than requests that the engine sends at once, so one always reads and sees the
 * engine go.
 */
final class Serving implements Runnable {
  private static final int INLINE_BYTES_MAX = 8192;
  private static final long SLOW_NS = 1_000_000;
  private static final long SLOW_MEMORY_NS = 1_000_000_000;
  private static final byte[] JSON_HEAD = "content-type: application/json\n".getBytes(StandardCharsets.ISO_8859_1);
  private static final byte[] NOTHING = new byte[0];

  private final Frames frames;
  private final Processor processor;
  private final String outOfMemory;
  private final ReentrantLock lead = new ReentrantLock();
  private final ArrayDeque<Frame> pending; // touched only while leading
  private boolean isStopping; // touched only while leading
  private volatile long slowUntil = System.nanoTime();

  Serving(Frames frames, ArrayDeque<Frame> pending, Processor processor, String outOfMemory) {
    this.frames = frames;
    this.pending = pending;
    this.processor = processor;
    this.outOfMemory = outOfMemory;
  }

  /** Returns after SHUTDOWN, when all requests are answered. */
  void serve(int requestsAtOnce) throws InterruptedException {
    Thread[] threads = new Thread[requestsAtOnce];
    for (int i = 0; i < threads.length; i++) {
      threads[i] = new Thread(this, "processor-" + (i + 1));
      threads[i].start();
    }
    run();
    for (Thread thread : threads) thread.join();
  }

  @Override
  public void run() {
    try {
      while (leadOnce()) {}
    } catch (EOFException gone) {
      Runtime.getRuntime().halt(0);
    } catch (IOException broken) {
      System.err.println("the connection to the engine failed: " + broken.getMessage());
      Runtime.getRuntime().halt(0);
    } catch (Throwable bug) {
      bug.printStackTrace();
      Runtime.getRuntime().halt(70);
    }
  }

  /** Leads until a long request or the end comes; false when there is nothing more to do. */
  private boolean leadOnce() throws IOException {
    lead.lock();
    Frame longOne = null;
    try {
      while (longOne == null) {
        if (isStopping) return false;
        Frame frame = pending.poll();
        if (frame == null) {
          frames.flush();
          frames.read(pending);
          continue;
        }
        switch (frame.type()) {
          case Frames.REQUEST, Frames.DESCRIBE -> {
            if (isLong(frame)) longOne = frame;
            else answer(frame);
          }
          case Frames.CANCEL -> cancel(frame.id());
          case Frames.SHUTDOWN -> isStopping = true;
          default -> throw new IOException("a frame of type " + frame.type());
        }
      }
      frames.flush();
    } finally {
      lead.unlock();
    }
    answer(longOne);
    frames.flush();
    return true;
  }

  private boolean isLong(Frame frame) {
    if (frame.payload() == null) return false;
    return frame.payload().length > INLINE_BYTES_MAX || System.nanoTime() - slowUntil < 0;
  }

  /** A request not begun is dropped, but answered: each request has exactly one answer. */
  private void cancel(int id) throws IOException {
    for (Iterator<Frame> it = pending.iterator(); it.hasNext(); ) {
      Frame frame = it.next();
      if (frame.id() != id || frame.type() == Frames.CANCEL) continue;
      it.remove();
      error(id, 408, "cancelled");
      return;
    }
  }

  private void answer(Frame frame) throws IOException {
    if (frame.payload() == null) {
      error(frame.id(), 500, outOfMemory);
      return;
    }
    long started = System.nanoTime();
    byte[] body;
    try {
      if (frame.type() == Frames.DESCRIBE) {
        body = processor.describe();
      } else {
        byte[] payload = frame.payload();
        int from = 2 + (payload[0] & 0xff) + ((payload[1] & 0xff) << 8);
        body = processor.process(payload, from, payload.length - from);
      }
    } catch (Processor.Refusal refusal) {
      error(frame.id(), 400, refusal.getMessage());
      return;
    } catch (OutOfMemoryError error) {
      System.err.println("java.lang.OutOfMemoryError: " + error.getMessage());
      error(frame.id(), 500, outOfMemory);
      return;
    } catch (Exception | StackOverflowError error) { // Scala code throws checked exceptions without declaring them
      error.printStackTrace();
      error(frame.id(), 500, "the model could not be applied: " + Main.oneLine(error));
      return;
    }
    long ended = System.nanoTime();
    if (ended - started > SLOW_NS) slowUntil = ended + SLOW_MEMORY_NS;
    int head = JSON_HEAD.length;
    byte[] front = new byte[6 + head];
    front[0] = (byte) 200;
    front[2] = (byte) head;
    System.arraycopy(JSON_HEAD, 0, front, 6, head);
    frames.queue(Frames.RESPONSE, frame.id(), front, body);
  }

  private void error(int id, int status, String message) throws IOException {
    byte[] front = {(byte) status, (byte) (status >> 8)};
    frames.queue(Frames.ERROR, id, front, message == null ? NOTHING : message.getBytes(StandardCharsets.UTF_8));
  }
}
