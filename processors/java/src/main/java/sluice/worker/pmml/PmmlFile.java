package sluice.worker.pmml;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;
import org.pmml4s.model.Model;
import sluice.worker.Failures;
import sluice.worker.Refusal;

/** Finds and reads a PMML file; what is wrong with it is said with its name. */
final class PmmlFile {
  private PmmlFile() {}

  /** The file itself, where a folder with one such file is named. */
  static Path at(String given) throws Refusal {
    if (given == null) throw new Refusal("the pmml processor needs a model file: model_path is not set");
    return find(Path.of(given));
  }

  static Model read(Path file) throws Refusal {
    check(file, false);
    try {
      Model model = Model.fromFile(file.toFile());
      if (model.functionName() != null && model.isScorable()) return model;
      throw new Refusal(file + " is not a PMML model that can be used: it holds no model to apply");
    } catch (Refusal refusal) {
      throw refusal;
    } catch (Exception | StackOverflowError error) { // Scala code throws checked exceptions without declaring them
      error.printStackTrace();
      check(file, true); // where it is not even XML, the place says more than the library does
      throw new Refusal(file + " is not a PMML model that can be used: " + Failures.oneLine(error));
    }
  }

  private static Path find(Path given) throws Refusal {
    if (!Files.exists(given)) throw new Refusal("the model file " + given + " does not exist");
    if (!Files.isDirectory(given)) return given;
    try (Stream<Path> all = Files.list(given)) {
      List<Path> found = all.filter(f -> f.toString().endsWith(".pmml") || f.toString().endsWith(".xml")).toList();
      if (found.size() == 1) return found.get(0);
      throw new Refusal(
          given + " is a folder with " + found.size() + " .pmml or .xml files; name one with model_entry");
    } catch (IOException error) {
      throw new Refusal("the model folder " + given + " cannot be read: " + error.getMessage());
    }
  }

  /** Follows nothing that leads out of the document. */
  static XMLStreamReader safeReader(InputStream in) throws XMLStreamException {
    XMLInputFactory factory = XMLInputFactory.newFactory();
    factory.setProperty(XMLInputFactory.SUPPORT_DTD, false);
    factory.setProperty(XMLInputFactory.IS_SUPPORTING_EXTERNAL_ENTITIES, false);
    return factory.createXMLStreamReader(in);
  }

  /**
   * The root element must be PMML, and there must be no DTD: one could name other files, or expand without end. Reads on to
   * the end when asked to, to find where XML breaks off.
   */
  private static void check(Path file, boolean isWhole) throws Refusal {
    try (InputStream in = Files.newInputStream(file)) {
      XMLStreamReader xml = safeReader(in);
      while (xml.hasNext()) {
        int event = xml.next();
        if (event == XMLStreamConstants.DTD) throw new Refusal(file + " has a DTD, which is not allowed");
        if (event != XMLStreamConstants.START_ELEMENT) continue;
        String root = xml.getLocalName();
        if (root.equals("PMML")) {
          while (isWhole && xml.hasNext()) xml.next();
          return;
        }
        throw new Refusal(file + " is not a PMML file: its root element is <" + root + ">, not <PMML>");
      }
    } catch (XMLStreamException error) {
      throw new Refusal(file + " is not a PMML file, nor other XML: " + Failures.oneLine(error));
    } catch (IOException error) {
      throw new Refusal("the model file " + file + " cannot be read: " + error.getMessage());
    }
  }
}
