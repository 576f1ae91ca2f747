package sluice.worker.pmml;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import sluice.worker.Json;
import sluice.worker.Refusal;

/** Turns a request body, a JSON array of objects or one object, into rows of values in the order of the fields. */
final class RowReader {
  /** Problems told at once; more would only repeat them. */
  private static final int PROBLEMS_MAX = 20;
  /** Characters of a wrong value shown. */
  private static final int FOUND_CHARS_MAX = 60;

  private final InputField[] fields;
  private final Map<String, Integer> indexes = new HashMap<>();

  RowReader(InputField[] fields) {
    this.fields = fields;
    for (int i = 0; i < fields.length; i++) indexes.put(fields[i].name, i);
  }

  /** All rows, or a refusal that names row and field of each problem, at most PROBLEMS_MAX. */
  List<Object[]> read(byte[] bytes, int from, int length) throws Refusal {
    List<Object[]> rows = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    try (JsonParser json = Json.FACTORY.createParser(bytes, from, length)) {
      JsonToken first = json.nextToken();
      if (first == JsonToken.START_ARRAY) {
        while (json.nextToken() != JsonToken.END_ARRAY && problems.size() < PROBLEMS_MAX) {
          rows.add(row(json, rows.size(), problems));
        }
      } else if (first == JsonToken.START_OBJECT) {
        rows.add(row(json, 0, problems));
      } else {
        throw new Refusal(
            "the body is " + (first == null ? "empty" : typeName(first)) + "; allowed: a JSON array of objects, one per row");
      }
      if (problems.size() < PROBLEMS_MAX && json.nextToken() != null) {
        throw new Refusal("the body goes on after the JSON value, at byte " + json.currentTokenLocation().getByteOffset());
      }
    } catch (JsonProcessingException error) {
      var at = error.getLocation();
      String where = at == null ? "" : " at line " + at.getLineNr() + ", column " + at.getColumnNr();
      throw new Refusal("the body is not JSON" + where + ": " + error.getOriginalMessage());
    } catch (IOException error) {
      throw new Refusal("the body is not JSON text: " + error.getMessage());
    }
    if (problems.isEmpty()) return rows;
    if (problems.size() >= PROBLEMS_MAX) problems.add("(only the first " + PROBLEMS_MAX + " problems are listed)");
    throw new Refusal(String.join("\n", problems));
  }

  private Object[] row(JsonParser json, int index, List<String> problems) throws IOException {
    if (json.currentToken() != JsonToken.START_OBJECT) {
      if (json.currentToken() == null) throw new com.fasterxml.jackson.core.io.JsonEOFException(json, null, "unexpected end");
      problems.add("row " + index + ": found " + typeName(json.currentToken()) + ", allowed: an object");
      json.skipChildren();
      return null;
    }
    Object[] values = new Object[fields.length];
    for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
      JsonToken token = json.nextToken();
      Integer at = indexes.get(name);
      if (at != null) {
        Object value = fields[at].read(json);
        if (value == InputField.BAD) problem(problems, index, fields[at], found(json, token));
        values[at] = value;
      }
      json.skipChildren();
    }
    for (int i = 0; i < fields.length; i++) {
      if (values[i] == null && fields[i].isRequired) problem(problems, index, fields[i], "no value");
    }
    return values;
  }

  private static void problem(List<String> problems, int row, InputField field, String found) {
    if (problems.size() >= PROBLEMS_MAX) return;
    problems.add("row " + row + ", field " + Json.quoted(field.name) + ": found " + found + ", allowed: " + field.allowed());
  }

  private static String found(JsonParser json, JsonToken token) throws IOException {
    if (token.isStructStart()) return typeName(token);
    String text = json.getText();
    if (text.length() > FOUND_CHARS_MAX) text = text.substring(0, FOUND_CHARS_MAX) + "…";
    return token == JsonToken.VALUE_STRING ? Json.quoted(text) : text;
  }

  private static String typeName(JsonToken token) {
    return switch (token) {
      case START_OBJECT -> "an object";
      case START_ARRAY -> "an array";
      case VALUE_STRING -> "text";
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> "a number";
      case VALUE_TRUE, VALUE_FALSE -> "true or false";
      default -> "null";
    };
  }
}
