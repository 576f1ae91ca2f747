package sluice.worker;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.io.JsonStringEncoder;
import com.fasterxml.jackson.core.json.JsonReadFeature;

/** How this worker reads and writes JSON. */
public final class Json {
  /** NaN and infinities are read, so that who reads them can say which field they stand in. */
  public static final JsonFactory FACTORY =
      JsonFactory.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  private Json() {}

  /** A sentence for a body that Jackson refuses. */
  public static String problem(JsonProcessingException error) {
    String told = error.getOriginalMessage();
    if (error instanceof StreamConstraintsException) {
      if (told.startsWith("Number")) return "the body has a number with more than " + FACTORY.streamReadConstraints().getMaxNumberLength() + " digits";
      if (told.contains("nesting depth")) return "the body is nested too deeply";
      return "the body is not read: " + told.replaceAll(", from `[^`]*`", ""); // where a programmer sets the limit
    }
    var at = error.getLocation();
    String where = at == null ? "" : " at line " + at.getLineNr() + ", column " + at.getColumnNr();
    return "the body is not JSON" + where + ": " + told;
  }

  /** A text with quotes around it. */
  public static String quoted(String text) {
    return '"' + new String(JsonStringEncoder.getInstance().quoteAsString(text)) + '"';
  }
}
