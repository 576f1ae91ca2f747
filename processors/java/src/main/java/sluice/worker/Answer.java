package sluice.worker;

import java.nio.charset.StandardCharsets;

/** What goes back for a request. `head` has `name: value\n` lines in latin1. */
public record Answer(int status, byte[] head, byte[] body) {
  private static final byte[] JSON_HEAD = headOf("content-type: application/json");
  private static final byte[] TEXT_HEAD = headOf("content-type: text/plain; charset=utf-8");
  private static final byte[] NOTHING = new byte[0];

  /** JSON, with status 200. */
  public static Answer json(byte[] body) {
    return new Answer(200, JSON_HEAD, body);
  }

  public static Answer json(int status, byte[] body) {
    return new Answer(status, JSON_HEAD, body);
  }

  public static Answer text(String body) {
    return new Answer(200, TEXT_HEAD, body.getBytes(StandardCharsets.UTF_8));
  }

  /** Bytes of which only the processor knows what they are. */
  public static Answer bytes(byte[] body) {
    return new Answer(200, NOTHING, body);
  }

  /** Header lines as they are sent. */
  public static byte[] headOf(String... lines) {
    return (String.join("\n", lines) + "\n").getBytes(StandardCharsets.ISO_8859_1);
  }
}
