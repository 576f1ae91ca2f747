package sluice.worker;

import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.concurrent.Semaphore;
import sluice.worker.Frames.Frame;

/**
 * Answers requests with a pool of threads, one of which leads: it reads frames, works on short requests itself
 * and sends the answers of one read in one write, so that they cost no hand-off. A thread about to do long work, or found doing it,
 * gives the lead to another, so that all threads work at once:
 *
 * <ul>
 *   <li>before a body above INLINE_BYTES_MAX, or any request within SLOW_MEMORY_NS of one that took more than SLOW_NS: computing time
 *       follows the number of rows and the size of the model;
 *   <li>otherwise the watchdog, which looks each TICK_MS while there is traffic, takes the lead from a thread that it finds in the same
 *       call twice.
 * </ul>
 *
 * <p>There is one thread more than requests that the engine sends at once, so one always reads and sees the engine go.
 */
final class Serving {
  private static final int INLINE_BYTES_MAX = 8192;
  private static final long SLOW_NS = 1_000_000;
  private static final long SLOW_MEMORY_NS = 1_000_000_000;
  private static final long TICK_MS = 5;
  /** Ticks without a call after which the watchdog sleeps until there is one. */
  private static final int IDLE_TICKS = 20;
  private static final byte[] NOTHING = new byte[0];

  private final Frames frames;
  private final Processor processor;
  private final String outOfMemory;
  private final Semaphore lead = new Semaphore(1);
  private final ArrayDeque<Frame> pending; // touched only while leading
  private volatile boolean isStopping; // set while leading
  private volatile long slowUntil = System.nanoTime();

  /** Guards all below: who leads, and what the leader is in the middle of. */
  private final Object hand = new Object();
  /** Counts leaderships; the one in force, or 0. */
  private long lastLeader;
  private long leader;
  /** Counts calls by leaders; the one in progress, or 0. */
  private long lastCall;
  private long call;
  private boolean isWatchAsleep;

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
      threads[i] = new Thread(this::work, "processor-" + (i + 1));
      threads[i].start();
    }
    Thread watchdog = new Thread(this::watch, "processor-watch");
    watchdog.setDaemon(true);
    watchdog.start();
    work();
    for (Thread thread : threads) thread.join();
  }

  private void work() {
    try {
      for (;;) {
        lead.acquireUninterruptibly();
        if (isStopping) {
          lead.release();
          return;
        }
        long mine;
        synchronized (hand) {
          mine = leader = ++lastLeader;
        }
        leadUntilLost(mine);
      }
    } catch (EOFException gone) {
      Runtime.getRuntime().halt(0);
    } catch (IOException broken) {
      System.err.println("the connection to the engine failed: " + broken.getMessage());
      Runtime.getRuntime().halt(0);
    } catch (OutOfMemoryError error) {
      Runtime.getRuntime().halt(HeapWatch.EXIT_CODE);
    } catch (Throwable bug) {
      bug.printStackTrace();
      Runtime.getRuntime().halt(70);
    }
  }

  private void leadUntilLost(long mine) throws IOException {
    for (;;) {
      Frame frame = pending.poll();
      if (frame == null) {
        if (isStopping) {
          giveUp(mine);
          return;
        }
        frames.flush();
        frames.read(pending);
        continue;
      }
      switch (frame.type()) {
        case Frames.REQUEST, Frames.DESCRIBE -> {
          if (isLong(frame)) {
            giveUp(mine);
            answer(frame);
            frames.flush();
            return;
          }
          beginCall();
          answer(frame);
          if (!endCall(mine)) {
            frames.flush();
            return;
          }
        }
        case Frames.CANCEL -> cancel(frame.id());
        case Frames.SHUTDOWN -> isStopping = true;
        default -> throw new IOException("a frame of type " + frame.type());
      }
    }
  }

  /** Another thread leads from here on. */
  private void giveUp(long mine) throws IOException {
    frames.flush();
    synchronized (hand) {
      if (leader == mine) leader = 0;
    }
    lead.release();
  }

  private void beginCall() {
    synchronized (hand) {
      call = ++lastCall;
      if (isWatchAsleep) hand.notify();
    }
  }

  /** Whether this thread still leads. */
  private boolean endCall(long mine) {
    synchronized (hand) {
      if (leader != mine) return false;
      call = 0;
      return true;
    }
  }

  private void watch() {
    long seen = 0;
    long counted = 0;
    int idle = 0;
    try {
      for (;;) {
        boolean isTaken = false;
        synchronized (hand) {
          idle = lastCall == counted && call == 0 ? idle + 1 : 0;
          counted = lastCall;
          if (call != 0 && call == seen) {
            leader = 0;
            call = 0;
            isTaken = true;
          }
          seen = call;
          if (idle > IDLE_TICKS) {
            isWatchAsleep = true;
            while (lastCall == counted) hand.wait();
            isWatchAsleep = false;
          }
        }
        if (isTaken) {
          lead.release();
          frames.flush(); // what the thread had answered before
        }
        Thread.sleep(TICK_MS);
      }
    } catch (InterruptedException | IOException gone) {
      Runtime.getRuntime().halt(0);
    }
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
      outOfMemory(frame);
      return;
    }
    long started = System.nanoTime();
    try {
      Answer answer = frame.type() == Frames.DESCRIBE
          ? Answer.json(processor.describe())
          : processor.process(new Request(frame.payload()));
      respond(frame.id(), answer);
    } catch (Refusal refusal) {
      error(frame.id(), 400, refusal.getMessage());
    } catch (OutOfMemoryError error) {
      HeapWatch.ranOut();
      System.err.println("java.lang.OutOfMemoryError: " + error.getMessage());
      outOfMemory(frame);
    } catch (IOException gone) {
      throw gone;
    } catch (Throwable error) { // Scala code throws checked exceptions without declaring them, user code anything
      error.printStackTrace();
      error(frame.id(), 500, Failures.oneLine(error));
    }
    long ended = System.nanoTime();
    if (ended - started > SLOW_NS) slowUntil = ended + SLOW_MEMORY_NS;
  }

  private void respond(int id, Answer answer) throws IOException {
    byte[] head = answer.head();
    byte[] body = answer.body();
    byte[] front = new byte[6 + head.length];
    front[0] = (byte) answer.status();
    front[1] = (byte) (answer.status() >> 8);
    front[2] = (byte) head.length;
    front[3] = (byte) (head.length >> 8);
    System.arraycopy(head, 0, front, 6, head.length);
    if (body.length > Frames.FRAME_BYTES_MAX - front.length - 5) {
      error(id, 500, "the answer has " + body.length + " bytes; the limit is " + (Frames.FRAME_BYTES_MAX - 65536));
      return;
    }
    frames.queue(Frames.RESPONSE, id, front, body);
  }

  private void outOfMemory(Frame frame) throws IOException {
    error(frame.id(), 500, outOfMemory);
    frames.flush();
    HeapWatch.endIfFull();
  }

  private void error(int id, int status, String message) throws IOException {
    byte[] front = {(byte) status, (byte) (status >> 8)};
    frames.queue(Frames.ERROR, id, front, message == null ? NOTHING : message.getBytes(StandardCharsets.UTF_8));
  }
}
