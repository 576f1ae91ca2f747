package sluice.worker.pmml;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;
import sluice.worker.Refusal;

/**
 * Fields for which a document says itself what becomes of a missing value: by an `isMissing` predicate or function, by `mapMissingTo` or
 * `defaultValue` of an expression, by a strategy of its trees, by surrogates, or because its kind of model leaves missing inputs out (PMML 4.4.1: Trees,
 * Transformations, Naive Bayes). These are left missing; other fields get the default of their type (eas-reference §5.2).
 */
final class MissingPolicies {
  private static final String NO_STRATEGY = "none";

  private final Set<String> fields = new HashSet<>();
  /** Of each derived field: what it is made of. */
  private final Map<String, Set<String>> sources = new HashMap<>();
  private String derived;
  /** Elements that are open; whether fields named within are under a policy. */
  private final ArrayDeque<Boolean> open = new ArrayDeque<>();

  private MissingPolicies() {}

  /** @throws Refusal when the document has something that is known to be computed wrong, which one reading looks for as well */
  static Set<String> in(Path file) throws IOException, XMLStreamException, Refusal {
    MissingPolicies policies = new MissingPolicies();
    KnownFaults faults = new KnownFaults();
    try (InputStream in = Files.newInputStream(file)) {
      XMLStreamReader xml = PmmlFile.safeReader(in);
      while (xml.hasNext()) {
        switch (xml.next()) {
          case XMLStreamConstants.START_ELEMENT -> {
            faults.begin(xml);
            policies.begin(xml);
          }
          case XMLStreamConstants.END_ELEMENT -> policies.end(xml.getLocalName());
          default -> {}
        }
      }
    }
    faults.end();
    policies.resolve();
    return policies.fields;
  }

  private void begin(XMLStreamReader xml) {
    String name = xml.getLocalName();
    boolean isWithin = !open.isEmpty() && open.peek();
    open.push(isWithin || isPolicy(name, xml));
    if (name.equals("DerivedField") && xml.getAttributeValue(null, "name") != null) derived = xml.getAttributeValue(null, "name");
    String field = xml.getAttributeValue(null, name.equals("BayesInput") ? "fieldName" : "field");
    if (field == null) return;
    if (derived != null) sources.computeIfAbsent(derived, any -> new HashSet<>()).add(field);
    if (open.peek()) fields.add(field);
  }

  private void end(String name) {
    open.pop();
    if (name.equals("DerivedField")) derived = null;
  }

  private static boolean isPolicy(String name, XMLStreamReader xml) {
    return switch (name) {
      case "SimplePredicate" -> isMissing(xml.getAttributeValue(null, "operator"));
      case "Apply" ->
          isMissing(xml.getAttributeValue(null, "function"))
              || xml.getAttributeValue(null, "mapMissingTo") != null
              || xml.getAttributeValue(null, "defaultValue") != null;
      case "CompoundPredicate" -> "surrogate".equals(xml.getAttributeValue(null, "booleanOperator"));
      case "TreeModel", "DecisionTree" -> {
        String strategy = xml.getAttributeValue(null, "missingValueStrategy");
        yield strategy != null && !strategy.equals(NO_STRATEGY);
      }
      case "BayesInput" -> true;
      default -> xml.getAttributeValue(null, "mapMissingTo") != null;
    };
  }

  private static boolean isMissing(String word) {
    return "isMissing".equals(word) || "isNotMissing".equals(word);
  }

  /** A policy about a derived field is one about what it is made of. */
  private void resolve() {
    ArrayDeque<String> todo = new ArrayDeque<>(fields);
    while (!todo.isEmpty()) {
      for (String source : sources.getOrDefault(todo.pop(), Set.of())) if (fields.add(source)) todo.push(source);
    }
  }
}
