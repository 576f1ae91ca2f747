package sluice.worker;

import java.nio.charset.StandardCharsets;

/** One request, as it lies in its frame: the body is not copied, and the head is read only by who asks for it. */
public final class Request {
  /** The frame's payload; the body is `bodyLength` bytes from `bodyFrom`. */
  public final byte[] bytes;
  public final int bodyFrom;
  public final int bodyLength;

  Request(byte[] payload) {
    bytes = payload;
    bodyFrom = 2 + (payload[0] & 0xff) + ((payload[1] & 0xff) << 8);
    bodyLength = payload.length - bodyFrom;
  }

  /** The body on its own. */
  public byte[] body() {
    byte[] body = new byte[bodyLength];
    System.arraycopy(bytes, bodyFrom, body, 0, bodyLength);
    return body;
  }

  /** True when the path, without the service's own prefix, begins with `/v2` and a slash or its end: the Open Inference Protocol. */
  public boolean isInferenceProtocol() {
    int at = 2;
    while (at < bodyFrom && bytes[at] != ' ') at++;
    if (bodyFrom - at < 5 || bytes[at + 1] != '/' || bytes[at + 2] != 'v' || bytes[at + 3] != '2') return false;
    byte next = bytes[at + 4];
    return next == '/' || next == '?' || next == '\n';
  }

  public String method() {
    String line = line(2);
    return line.substring(0, Math.max(0, line.indexOf(' ')));
  }

  /** The path without the service's own prefix and without a query. */
  public String path() {
    String line = line(2);
    String path = line.substring(line.indexOf(' ') + 1);
    int query = path.indexOf('?');
    return query < 0 ? path : path.substring(0, query);
  }

  /** The value of a header field, or null; `name` in lower case. */
  public String header(String name) {
    int at = 2;
    while (at < bodyFrom) {
      String line = line(at);
      int colon = line.indexOf(": ");
      if (at > 2 && colon == name.length() && line.regionMatches(true, 0, name, 0, colon)) return line.substring(colon + 2);
      at += line.length() + 1;
    }
    return null;
  }

  private String line(int from) {
    int to = from;
    while (to < bodyFrom && bytes[to] != '\n') to++;
    return new String(bytes, from, to - from, StandardCharsets.ISO_8859_1);
  }
}
