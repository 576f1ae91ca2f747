package sluice.worker;

/** What answers requests. Called by several threads at once. */
public interface Processor {
  /** Refusal is 400 with its message; OutOfMemoryError is 500 that names the memory; anything else thrown is 500 with its message. */
  Answer process(Request request) throws Refusal;

  /** What it takes and gives, as JSON. */
  byte[] describe() throws Refusal;
}
