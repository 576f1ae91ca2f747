import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Tests without Sluice: {@code sh build.sh} runs them. */
public class LineTest {
  public static void main(String[] args) throws Exception {
    Line line = new Line("model/line.properties", "");
    line.Load();
    check("1.0\n5.0\n", text(line.Process(Files.readAllBytes(Path.of("request.txt")))));
    try {
      line.Process("two".getBytes(StandardCharsets.UTF_8));
      throw new AssertionError("a body without numbers must be refused");
    } catch (IllegalArgumentException refused) {
      check("found \"two\", allowed: numbers parted by spaces", refused.getMessage());
    }
    System.out.println("2 tests passed");
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static void check(String wanted, String found) {
    if (!wanted.equals(found)) throw new AssertionError("found " + found + ", wanted " + wanted);
  }
}
