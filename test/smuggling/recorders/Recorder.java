import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.concurrent.Executors;

/** Records what the JDK's HTTP server makes of its bytes: one JSON line a request on stdout, before the answer. */
public class Recorder {
  public static void main(String[] args) throws IOException {
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext("/", Recorder::record);
    server.start();
    System.out.println(server.getAddress().getPort());
  }

  private static void record(HttpExchange exchange) throws IOException {
    byte[] body = exchange.getRequestBody().readAllBytes();
    String length = exchange.getRequestHeaders().getFirst("Content-Length");
    if (length != null && body.length < Long.parseLong(length)) throw new IOException("cut off");
    String target = exchange.getRequestURI().toString();
    String content = Base64.getEncoder().encodeToString(body);
    String seen = "{\"method\":\"%s\",\"target\":\"%s\",\"body\":\"%s\"}";
    synchronized (System.out) {
      System.out.println(String.format(seen, exchange.getRequestMethod(), target, content));
    }
    byte[] answer = target.getBytes(StandardCharsets.ISO_8859_1);
    exchange.sendResponseHeaders(200, answer.length == 0 ? -1 : answer.length);
    exchange.getResponseBody().write(answer);
    exchange.close();
  }
}
