package sluice.worker;

/**
 * What to do when memory ran out. One request that was too large is survived: its objects are garbage by now. Where the processor keeps
 * what fills the heap, each further request would only spend its time on collections: the worker ends, and its engine starts another.
 */
final class HeapWatch {
  /** Share of the heap that must be free after a collection for the worker to go on. */
  private static final double FREE_SHARE_MIN = 0.05;
  /** As the reason of an end is read from a worker's last words. */
  private static final String LAST_WORDS = "java.lang.OutOfMemoryError: the heap stays full after a collection; the worker ends";
  static final int EXIT_CODE = 3;

  /** Given back when memory has run out, so that there is some to say so with. */
  private static byte[] reserve = new byte[256 * 1024];

  private HeapWatch() {}

  /** Gives the reserve free; first thing to do. */
  static synchronized void ranOut() {
    reserve = null;
  }

  /** Call when the request is answered: ends the process when there is still no memory. */
  static synchronized void endIfFull() {
    try {
      System.gc();
      Runtime runtime = Runtime.getRuntime();
      long free = runtime.maxMemory() - runtime.totalMemory() + runtime.freeMemory();
      if (free >= FREE_SHARE_MIN * runtime.maxMemory()) {
        if (reserve == null) reserve = new byte[256 * 1024];
        return;
      }
      System.err.println(LAST_WORDS);
    } catch (OutOfMemoryError still) {
      // as below
    }
    Runtime.getRuntime().halt(EXIT_CODE);
  }
}
