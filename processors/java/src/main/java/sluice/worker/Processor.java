package sluice.worker;

/** What answers requests. Called by several threads at once. */
interface Processor {
  /** The answer to one request body, as JSON. */
  byte[] process(byte[] bytes, int from, int length) throws Refusal;

  /** What it takes and gives, as JSON. */
  byte[] describe();

  /** Something is wrong with a request; the message goes to the client as it is. */
  final class Refusal extends Exception {
    private static final long serialVersionUID = 1;

    Refusal(String message) {
      super(message, null, false, false);
    }
  }
}
