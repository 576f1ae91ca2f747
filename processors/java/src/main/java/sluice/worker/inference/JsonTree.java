package sluice.worker.inference;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import sluice.worker.Json;
import sluice.worker.Refusal;

/**
 * JSON as Map, List, String, Boolean, Long, BigInteger, Double and null. Numbers with a fraction are Double, NaN and infinities too. A name that
 * comes twice in one object is refused.
 */
final class JsonTree {
  /** As deep as 32 dimensions of a tensor need, and some. */
  private static final int DEPTH_MAX = 64;

  private JsonTree() {}

  static Map<String, Object> object(byte[] bytes, int from, int length) throws Refusal {
    try (JsonParser json = Json.FACTORY.createParser(bytes, from, length)) {
      if (json.nextToken() == null) throw new Refusal("the body is empty; allowed: a JSON object");
      Object value = value(json, 0);
      if (json.nextToken() != null) throw new Refusal("the body is not JSON: it goes on after the value");
      if (!(value instanceof Map<?, ?>)) throw new Refusal("the body is " + kindOf(value) + "; allowed: a JSON object");
      @SuppressWarnings("unchecked")
      Map<String, Object> object = (Map<String, Object>) value;
      return object;
    } catch (JsonProcessingException error) {
      throw new Refusal(Json.problem(error));
    } catch (IOException error) {
      throw new Refusal("the body is not JSON: " + error.getMessage());
    }
  }

  private static Object value(JsonParser json, int depth) throws IOException, Refusal {
    if (depth > DEPTH_MAX) throw new Refusal("the body is nested too deeply");
    switch (json.currentToken()) {
      case START_OBJECT: {
        Map<String, Object> object = new LinkedHashMap<>();
        for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
          json.nextToken();
          boolean isTwice = object.containsKey(name);
          object.put(name, value(json, depth + 1));
          if (isTwice) throw new Refusal(Json.quoted(name) + " comes twice in one object");
        }
        return object;
      }
      case START_ARRAY: {
        List<Object> list = new ArrayList<>();
        while (json.nextToken() != JsonToken.END_ARRAY) list.add(value(json, depth + 1));
        return list;
      }
      case VALUE_STRING:
        return json.getText();
      case VALUE_NUMBER_INT:
        return json.getNumberType() == JsonParser.NumberType.BIG_INTEGER ? (Object) json.getBigIntegerValue() : (Object) json.getLongValue();
      case VALUE_NUMBER_FLOAT:
        double number = json.getDoubleValue();
        // What is written as a number is one, also beyond the largest double.
        if (Double.isInfinite(number) && Character.isDigit(json.getText().charAt(json.getText().length() - 1))) {
          throw new Refusal("the body has " + json.getText() + ", which is no FP64");
        }
        return number;
      case VALUE_TRUE:
        return true;
      case VALUE_FALSE:
        return false;
      default:
        return null;
    }
  }

  /** What a value is, for people. */
  static String kindOf(Object value) {
    if (value == null) return "null";
    if (value instanceof Map) return "an object";
    if (value instanceof List) return "a list";
    if (value instanceof String) return "a string";
    if (value instanceof Boolean) return "true or false";
    return value instanceof Double ? "a fraction" : "a whole number";
  }
}
