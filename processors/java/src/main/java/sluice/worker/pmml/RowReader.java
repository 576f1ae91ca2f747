package sluice.worker.pmml;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.io.JsonEOFException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import sluice.worker.Json;
import sluice.worker.Refusal;

/** Turns a request body into rows of values in the order of the fields: a JSON array of objects, one object, or the Java SDK's JsonRequest. */
final class RowReader {
  /** Characters of a wrong value shown. */
  private static final int FOUND_CHARS_MAX = 60;
  /** A value that was given as null: as one that is missing, but not to be given again. */
  private static final Object NULL = new Object();
  private static final String ALLOWED = "a JSON array of objects, one per row";
  /** Name and value of the Java SDK's JsonRequest and JsonFeatureValue. */
  private static final String TYPED_ROWS = "inputs";
  private static final String TYPED_VALUE = "dataValue";

  private final InputField[] fields;
  private final Map<String, Integer> indexes = new HashMap<>();

  RowReader(InputField[] fields) {
    this.fields = fields;
    for (int i = 0; i < fields.length; i++) indexes.put(fields[i].name, i);
  }

  /** All rows, with what is wrong in them; or a refusal of what is no rows at all. */
  Rows read(byte[] bytes, int from, int length) throws Refusal {
    Rows rows = new Rows();
    try (JsonParser json = Json.FACTORY.createParser(bytes, from, length)) {
      JsonToken first = json.nextToken();
      if (first == JsonToken.START_ARRAY) {
        list(json, rows);
      } else if (first == JsonToken.START_OBJECT) {
        row(json, rows, true);
      } else {
        throw new Refusal("the body is " + (first == null ? "empty" : typeName(first)) + "; allowed: " + ALLOWED);
      }
      if (json.nextToken() != null) {
        throw new Refusal("the body goes on after the JSON value, at byte " + json.currentTokenLocation().getByteOffset());
      }
    } catch (JsonProcessingException error) {
      throw new Refusal(Json.problem(error));
    } catch (IOException error) {
      throw new Refusal("the body is not JSON text: " + error.getMessage());
    }
    if (rows.isRefused()) throw new Refusal(rows.refusal());
    return rows;
  }

  private void list(JsonParser json, Rows rows) throws IOException {
    while (json.nextToken() != JsonToken.END_ARRAY) row(json, rows, false);
  }

  private void row(JsonParser json, Rows rows, boolean isAlone) throws IOException {
    if (json.currentToken() != JsonToken.START_OBJECT) {
      if (json.currentToken() == null) throw new JsonEOFException(json, null, "unexpected end");
      rows.add(null, List.of("found " + typeName(json.currentToken()) + ", allowed: an object"));
      json.skipChildren();
      return;
    }
    Object[] values = new Object[fields.length];
    List<String> problems = null;
    for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
      JsonToken token = json.nextToken();
      Integer at = indexes.get(name);
      if (at != null) {
        if (values[at] != null) {
          problems = problem(problems, at, "found a second value");
        } else {
          values[at] = value(json, rows, at);
          if (values[at] == InputField.BAD) problems = problem(problems, at, "found " + found(json, token, rows));
        }
      } else if (isAlone && name.equals(TYPED_ROWS) && token == JsonToken.START_ARRAY) {
        rows.isTyped = true;
        list(json, rows);
        skipRest(json);
        return;
      }
      json.skipChildren();
    }
    for (int i = 0; i < fields.length; i++) {
      if (values[i] != null && values[i] != NULL) continue;
      values[i] = fields[i].missing();
      if (values[i] == InputField.BAD) problems = problem(problems, i, "found no value");
    }
    rows.add(values, problems);
  }

  private static void skipRest(JsonParser json) throws IOException {
    while (json.nextFieldName() != null) {
      json.nextToken();
      json.skipChildren();
    }
  }

  private Object value(JsonParser json, Rows rows, int at) throws IOException {
    Object value = null;
    if (!rows.isTyped || json.currentToken() != JsonToken.START_OBJECT) {
      value = fields[at].read(json);
    } else {
      for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
        json.nextToken();
        if (name.equals(TYPED_VALUE)) value = fields[at].read(json);
        json.skipChildren();
      }
    }
    return value == null ? NULL : value;
  }

  private List<String> problem(List<String> before, int at, String found) {
    List<String> problems = before == null ? new ArrayList<>() : before;
    problems.add("field " + Json.quoted(fields[at].name) + ": " + found + ", allowed: " + fields[at].allowed());
    return problems;
  }

  private static String found(JsonParser json, JsonToken token, Rows rows) throws IOException {
    if (rows.isTyped && token == JsonToken.START_OBJECT) return "another " + TYPED_VALUE;
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
