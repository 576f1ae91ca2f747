package sluice.worker.pmml;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import sluice.worker.Failures;
import sluice.worker.Json;
import sluice.worker.Refusal;

/** What becomes of a field that a row leaves out, when the document does not say: `missing` of `model_config`. */
enum MissingRule {
  /** The default of its type: false, 0 or empty text, as eas-reference §5.2 has it. */
  DEFAULT,
  /** The row is refused. */
  REFUSE,
  /** The model gets a missing value, and does with it what PMML says for its kind. */
  MODEL;

  private static final String ALLOWED = "{\"missing\": \"default\"}, \"refuse\" or \"model\"";

  static MissingRule of(String config) throws Refusal {
    if (config == null || config.isBlank()) return DEFAULT;
    MissingRule rule = DEFAULT;
    try (JsonParser json = Json.FACTORY.createParser(config)) {
      if (json.nextToken() != JsonToken.START_OBJECT) throw new Refusal("model_config is no JSON object; allowed: " + ALLOWED);
      for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
        if (!name.equals("missing")) throw new Refusal("model_config has " + Json.quoted(name) + "; allowed for pmml: " + ALLOWED);
        String word = json.nextTextValue();
        rule = switch (word == null ? "" : word) {
          case "default" -> DEFAULT;
          case "refuse" -> REFUSE;
          case "model" -> MODEL;
          default -> throw new Refusal("model_config: missing is " + json.getText() + "; allowed: " + ALLOWED);
        };
      }
      return rule;
    } catch (IOException error) {
      throw new Refusal("model_config is not JSON: " + Failures.oneLine(error) + "; allowed: " + ALLOWED);
    }
  }
}
