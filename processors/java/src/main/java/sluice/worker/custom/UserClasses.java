package sluice.worker.custom;

import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import sluice.worker.Refusal;

/**
 * The user's classes and libraries, in a class loader that sees the JDK and them, and nothing of this worker: so they may bring any version of
 * what it has itself.
 */
final class UserClasses {
  /** As it stands in stack traces. */
  static final String LOADER = "processor";
  private static final int FILES_SHOWN_MAX = 10;

  private final Path root;
  private final List<Path> files;
  final ClassLoader loader;

  private UserClasses(Path root, List<Path> files) throws MalformedURLException {
    this.root = root;
    this.files = files;
    URL[] urls = new URL[files.size()];
    for (int i = 0; i < urls.length; i++) urls[i] = files.get(i).toUri().toURL();
    loader = new URLClassLoader(LOADER, urls, ClassLoader.getPlatformClassLoader());
  }

  /**
   * A jar; or a folder with jars, beside each other or in `lib`, and classes of no jar. `entry` names one jar or folder of classes in `dir`, which comes
   * first; null: none.
   */
  static UserClasses in(Path dir, String entry) throws Refusal {
    if (!Files.exists(dir)) throw new Refusal("processor_path " + dir + " does not exist");
    List<Path> files = new ArrayList<>();
    try {
      if (entry != null && Files.isDirectory(dir)) {
        Path first = dir.resolve(entry);
        if (!Files.exists(first)) throw new Refusal("processor_entry " + entry + " is not in " + dir);
        files.add(first);
      }
      if (!Files.isDirectory(dir)) {
        files.add(dir);
      } else {
        files.add(dir);
        addJars(dir, files);
        if (Files.isDirectory(dir.resolve("lib"))) addJars(dir.resolve("lib"), files);
      }
      for (Path file : files) checkJar(file);
      return new UserClasses(dir, files.stream().distinct().toList());
    } catch (IOException error) {
      throw new Refusal("processor_path " + dir + " cannot be read: " + error.getMessage());
    }
  }

  private static void addJars(Path folder, List<Path> files) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      all.filter(file -> file.toString().endsWith(".jar")).sorted().forEach(files::add);
    }
  }

  /** The loader would pass over a broken one in silence, and its classes would be missing. */
  private static void checkJar(Path file) throws Refusal {
    if (Files.isDirectory(file)) return;
    try (ZipFile jar = new ZipFile(file.toFile())) {
      jar.size();
    } catch (IOException error) {
      throw new Refusal(file + " is not a jar file: " + error.getMessage());
    }
  }

  /** The class with this name; what may be meant instead is said when there is none. */
  Class<?> load(String name) throws Refusal {
    try {
      return Class.forName(name, false, loader);
    } catch (ClassNotFoundException error) {
      List<String> near = namedAlike(name);
      String hint = near.isEmpty() ? "" : "; there is " + String.join(", ", near);
      throw new Refusal("processor_mainclass " + name + " is not in " + where() + hint);
    } catch (UnsupportedClassVersionError error) {
      throw new Refusal(versionText(error));
    } catch (LinkageError error) {
      throw new Refusal(missingText(error));
    }
  }

  /** Sentence for a class that cannot be linked. */
  String missingText(LinkageError error) {
    if (error instanceof UnsupportedClassVersionError version) return versionText(version);
    if (error instanceof NoClassDefFoundError && error.getMessage() != null && error.getCause() instanceof ClassNotFoundException) {
      return "the class " + error.getMessage().replace('/', '.') + ", which the processor needs, is not in " + where();
    }
    return error.getClass().getSimpleName() + ": " + error.getMessage();
  }

  /** Class files have the version of their JDK plus 44 (JVM specification, table 4.1-A). */
  private static String versionText(UnsupportedClassVersionError error) {
    var found = java.util.regex.Pattern.compile("(\\S+) has been compiled.*class file version (\\d+)").matcher(String.valueOf(error.getMessage()));
    if (!found.find()) return String.valueOf(error.getMessage());
    int java = Integer.parseInt(found.group(2)) - 44;
    return "the class " + found.group(1).replace('/', '.') + " was compiled for Java " + java + "; this machine runs Java "
        + Runtime.version().feature() + ": compile it with --release " + Runtime.version().feature();
  }

  private String where() {
    List<String> names = new ArrayList<>();
    for (Path file : files) {
      if (names.size() == FILES_SHOWN_MAX) {
        names.add("… (" + files.size() + " in all)");
        break;
      }
      names.add(file.equals(root) ? root.toString() : root.relativize(file).toString());
    }
    return String.join(", ", names);
  }

  /** Classes with the same last name, in any package. */
  private List<String> namedAlike(String name) {
    String end = name.substring(name.lastIndexOf('.') + 1) + ".class";
    List<String> found = new ArrayList<>();
    for (Path file : files) {
      try {
        if (Files.isDirectory(file)) {
          try (Stream<Path> all = Files.walk(file, 12)) {
            all.map(path -> file.relativize(path).toString()).filter(path -> isNamed(path, end)).limit(FILES_SHOWN_MAX).forEach(found::add);
          }
        } else {
          try (ZipFile jar = new ZipFile(file.toFile())) {
            jar.stream().map(Object::toString).filter(path -> isNamed(path, end)).limit(FILES_SHOWN_MAX).forEach(found::add);
          }
        }
      } catch (IOException | RuntimeException unreadable) {
        // it is only a hint
      }
    }
    return found.stream().map(path -> path.substring(0, path.length() - 6).replace('/', '.')).distinct().limit(3).toList();
  }

  private static boolean isNamed(String path, String end) {
    return path.equals(end) || path.endsWith("/" + end);
  }
}
