package sluice.worker;

/** What answers requests. Called by several threads at once. */
public interface Processor {
  /** Refusal is 400 with its message; OutOfMemoryError is 500 that names the memory; anything else thrown is 500 with its message. */
  Answer process(Request request) throws Refusal;

  /** Library that runs it, and its version, as `desc` shows it; null for the user's own code. */
  default String library() {
    return null;
  }

  /** How long the user's own classes took to be found and read, in ms; negative where there are none. */
  default long importMs() {
    return -1;
  }

  /** What it takes and gives, as JSON. */
  byte[] describe() throws Refusal;
}
