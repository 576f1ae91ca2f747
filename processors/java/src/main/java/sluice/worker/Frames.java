package sluice.worker;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.util.Queue;

/**
 * The framed protocol of docs/internals/protocols.md ("Engine and processor worker") over one blocking socket.
 * One thread at a time may read; any thread may send.
 */
final class Frames {
  static final int PROTOCOL = 1;
  static final int INIT = 0x01;
  static final int REQUEST = 0x02;
  static final int CANCEL = 0x03;
  static final int DESCRIBE = 0x04;
  static final int SHUTDOWN = 0x05;
  static final int READY = 0x81;
  static final int FAILED = 0x82;
  static final int RESPONSE = 0x83;
  static final int ERROR = 0x84;
  static final int PROGRESS = 0x85;

  /** A longer frame means that the peer is broken. */
  static final int FRAME_BYTES_MAX = 256 * 1024 * 1024;

  private static final int HEADER_BYTES = 9;
  private static final int BUFFER_BYTES = 65536;

  /**
   * One frame as received; `payload` is what follows type and id, or null when there was no memory for it: the request
   * can still be answered.
   */
  record Frame(int type, int id, byte[] payload) {}

  private final SocketChannel socket;
  // Direct buffers of our own: with heap buffers the JDK keeps a hidden direct copy per thread and size.
  private final ByteBuffer in = ByteBuffer.allocateDirect(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
  private final ByteBuffer out = ByteBuffer.allocateDirect(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);

  Frames(SocketChannel socket) {
    this.socket = socket;
    in.flip();
  }

  /** Blocks for at least one frame, then adds all that are here. EOFException when the engine has gone. */
  void read(Queue<Frame> into) throws IOException {
    into.add(readOne());
    while (in.remaining() >= HEADER_BYTES) {
      int length = in.getInt(in.position());
      if (length < 0 || in.remaining() < length + 4) break;
      into.add(readOne());
    }
  }

  private Frame readOne() throws IOException {
    need(HEADER_BYTES);
    int length = in.getInt();
    if (length < 5 || length > FRAME_BYTES_MAX) {
      throw new IOException("the engine sent a frame of " + Integer.toUnsignedString(length) + " bytes");
    }
    int type = in.get() & 0xff;
    int id = in.getInt();
    byte[] payload;
    try {
      payload = new byte[length - 5];
    } catch (OutOfMemoryError tooLong) {
      drop(length - 5);
      return new Frame(type, id, null);
    }
    int at = 0;
    while (at < payload.length) {
      if (!in.hasRemaining()) need(1);
      int taken = Math.min(payload.length - at, in.remaining());
      in.get(payload, at, taken);
      at += taken;
    }
    return new Frame(type, id, payload);
  }

  private void drop(int bytes) throws IOException {
    int left = bytes;
    while (left > 0) {
      if (!in.hasRemaining()) need(1);
      int taken = Math.min(left, in.remaining());
      in.position(in.position() + taken);
      left -= taken;
    }
  }

  private void need(int bytes) throws IOException {
    if (in.remaining() >= bytes) return;
    in.compact();
    while (in.position() < bytes) {
      if (socket.read(in) < 0) throw new EOFException();
    }
    in.flip();
  }

  /** Gathers a frame for the next {@link #flush}; sends at once what does not fit. */
  synchronized void queue(int type, int id, byte[] front, byte[] body) throws IOException {
    if (out.remaining() < HEADER_BYTES) flush();
    out.putInt(5 + front.length + body.length).put((byte) type).putInt(id);
    append(front);
    append(body);
  }

  private void append(byte[] bytes) throws IOException {
    int at = 0;
    while (at < bytes.length) {
      if (!out.hasRemaining()) flush();
      int taken = Math.min(bytes.length - at, out.remaining());
      out.put(bytes, at, taken);
      at += taken;
    }
  }

  /** Sends what was gathered. */
  synchronized void flush() throws IOException {
    out.flip();
    while (out.hasRemaining()) socket.write(out);
    out.clear();
  }
}
