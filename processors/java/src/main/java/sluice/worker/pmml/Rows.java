package sluice.worker.pmml;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** The rows of a request, and what is wrong with some of them. */
final class Rows {
  /** Problems told at once; more would only repeat them. */
  private static final int PROBLEMS_MAX = 20;

  /** Values in the order of the fields; null for a row that is refused. */
  final List<Object[]> values = new ArrayList<>();
  /** The rows stand in an object `{"inputs": […]}`, each value with its type, as the Java SDK's JsonRequest has them. */
  boolean isTyped;
  /** The first problems, as lines. */
  private final List<String> lines = new ArrayList<>();
  private int problemCount;
  private int badCount;
  /** What is wrong with a row, by its number; null: nothing is. */
  private final List<String> errors = new ArrayList<>();

  /** Takes one row; `problems` null or not. */
  void add(Object[] row, List<String> problems) {
    int index = values.size();
    values.add(problems == null ? row : null);
    if (problems == null) return;
    badCount++;
    while (errors.size() < index) errors.add(null);
    errors.add(String.join("; ", problems));
    for (String problem : problems) {
      if (++problemCount > PROBLEMS_MAX) return;
      String comma = problem.startsWith("found") ? ": " : ", ";
      lines.add("row " + (index + 1) + comma + problem);
    }
  }

  /** There are rows, and none can be answered. */
  boolean isRefused() {
    return badCount > 0 && badCount == values.size();
  }

  /** All problems, at most PROBLEMS_MAX, each with its row, counted from 1. */
  String refusal() {
    String more = problemCount > PROBLEMS_MAX ? "\n(only the first " + PROBLEMS_MAX + " problems are listed)" : "";
    return String.join("\n", lines) + more;
  }

  /** In place of an answer to a row. */
  void writeError(JsonGenerator json, int index) throws IOException {
    json.writeStartObject();
    json.writeStringField("error", errors.get(index));
    json.writeEndObject();
  }
}
