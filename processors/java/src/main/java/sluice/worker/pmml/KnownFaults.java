package sluice.worker.pmml;

import java.util.Set;
import javax.xml.stream.XMLStreamReader;
import sluice.worker.Refusal;

/**
 * What PMML4S 1.5.6 takes without a word and then computes otherwise than PMML 4.4 says, or has no code for. A document with it is refused: a wrong
 * answer is worse than none. Each was seen with the documents of src/test/resources/kinds, or in the library's source.
 */
final class KnownFaults {
  /** Of an OutputField: those that it computes; for others it fails at each row. */
  private static final Set<String> FEATURES = Set.of(
      "predictedValue", "predictedDisplayValue", "transformedValue", "decision", "probability", "affinity", "entityAffinity", "clusterAffinity", "residual",
      "standardError", "clusterId", "entityId", "ruleId", "warning", "reasonCode", "antecedent", "consequent", "rule", "confidence", "support", "lift", "leverage");

  private boolean isInMining;
  private boolean hasSegmentation;

  /** @throws Refusal when the element that the reader is at cannot be served */
  void begin(XMLStreamReader xml) throws Refusal {
    switch (xml.getLocalName()) {
      case "NearestNeighborModel" -> {
        refuseValue(xml, "continuousScoringMethod", "weightedAverage");
        refuseValue(xml, "categoricalScoringMethod", "weightedMajorityVote");
      }
      // It always takes the first of the baseline's cells.
      case "GeneralRegressionModel" -> {
        refuseValue(xml, "modelType", "CoxRegression");
        if ("ordinalMultinomial".equals(xml.getAttributeValue(null, "modelType"))) {
          refuseAttribute(xml, "offsetVariable");
          refuseAttribute(xml, "offsetValue");
        }
      }
      // The worst rules come first, items that are true or false never match, and two requests at once mix their items.
      case "AssociationModel" -> throw unsupported("association rules");
      case "AnomalyDetectionModel" -> refuseValue(xml, "algorithmType", "other");
      // A value that the table has not becomes missing, or what mapMissingTo says.
      case "MapValues" -> {
        String otherwise = xml.getAttributeValue(null, "defaultValue");
        if (otherwise != null && !otherwise.equals(xml.getAttributeValue(null, "mapMissingTo"))) refuseAttribute(xml, "defaultValue");
      }
      case "OutputField" -> {
        String feature = xml.getAttributeValue(null, "feature");
        if (feature != null && !FEATURES.contains(feature)) refuseValue(xml, "feature", feature);
      }
      case "MiningModel" -> isInMining = true;
      case "Segmentation" -> hasSegmentation = true;
      default -> {}
    }
  }

  /** At the end of the document. */
  void end() throws Refusal {
    if (isInMining && !hasSegmentation) throw unsupported("a MiningModel without Segmentation");
  }

  private static void refuseValue(XMLStreamReader xml, String attribute, String value) throws Refusal {
    if (value.equals(xml.getAttributeValue(null, attribute))) throw unsupported(xml.getLocalName() + " with " + attribute + "=\"" + value + "\"");
  }

  private static void refuseAttribute(XMLStreamReader xml, String attribute) throws Refusal {
    if (xml.getAttributeValue(null, attribute) != null) throw unsupported(xml.getLocalName() + " with " + attribute);
  }

  private static Refusal unsupported(String what) {
    return new Refusal("the model has " + what + ", which PMML4S does not compute as PMML 4.4 says");
  }
}
