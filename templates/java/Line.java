import java.io.FileReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Properties;

/** Answers numbers by a line: {@code Load} reads the model once, {@code Process} answers each request. */
public class Line {
  private final String modelEntry;
  private double slope;
  private double intercept;

  /** The path of the model's file, and `model_config` as text. */
  public Line(String modelEntry, String modelConfig) {
    this.modelEntry = modelEntry;
  }

  /** Once, before the first request. What it throws is why the service does not start. */
  public void Load() throws IOException {
    Properties model = new Properties();
    try (FileReader file = new FileReader(modelEntry, StandardCharsets.UTF_8)) {
      model.load(file);
    }
    slope = Double.parseDouble(model.getProperty("slope"));
    intercept = Double.parseDouble(model.getProperty("intercept"));
  }

  /** Each request, on several threads at once. What it throws is 400 with its message. */
  public byte[] Process(byte[] body) {
    StringBuilder answers = new StringBuilder();
    for (String number : new String(body, StandardCharsets.UTF_8).trim().split("\\s+")) {
      try {
        answers.append(intercept + slope * Double.parseDouble(number)).append('\n');
      } catch (NumberFormatException error) {
        throw new IllegalArgumentException("found \"" + number + "\", allowed: numbers parted by spaces");
      }
    }
    return answers.toString().getBytes(StandardCharsets.UTF_8);
  }
}
