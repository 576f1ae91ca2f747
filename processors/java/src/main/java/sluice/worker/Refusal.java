package sluice.worker;

/** Something is wrong with a request, or with a model; the message goes to people as it is. */
public final class Refusal extends Exception {
  private static final long serialVersionUID = 1;

  public Refusal(String message) {
    super(message, null, false, false);
  }
}
