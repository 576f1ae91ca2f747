package sluice.worker;

/** Errors in words. */
public final class Failures {
  private static final int CHARS_MAX = 2000;

  private Failures() {}

  /** Message of an error, or its type when it has none, in one line. */
  public static String oneLine(Throwable error) {
    String message = error.getMessage();
    String text = message == null || message.isBlank() ? error.getClass().getSimpleName() : message;
    text = text.replaceAll("\\s+", " ").strip();
    return text.length() > CHARS_MAX ? text.substring(0, CHARS_MAX) : text;
  }
}
