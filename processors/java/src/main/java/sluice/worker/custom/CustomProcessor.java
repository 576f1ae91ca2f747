package sluice.worker.custom;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import sluice.worker.Answer;
import sluice.worker.Failures;
import sluice.worker.Init;
import sluice.worker.Json;
import sluice.worker.Processor;
import sluice.worker.Refusal;
import sluice.worker.Request;

/**
 * A processor of the user's own (eas-reference §5.5): a class with a constructor `(String modelEntry, String modelConfig)`, or one without parameters;
 * `void Load()`, if there is something to load; and {@link ProcessMethod}. An exception of `Process` is 400 with its message.
 */
public final class CustomProcessor implements Processor {
  private final ProcessMethod process;
  private final byte[] description;

  private final long importMs;

  private CustomProcessor(ProcessMethod process, byte[] description, long importMs) {
    this.process = process;
    this.description = description;
    this.importMs = importMs;
  }

  /** Makes and loads it. The calling thread, and those that it makes, get the user's class loader as theirs. */
  public static CustomProcessor load(Init init) throws Refusal {
    long begun = System.nanoTime();
    UserClasses classes = UserClasses.in(Path.of(init.dir()), init.entry());
    Thread.currentThread().setContextClassLoader(classes.loader);
    Class<?> type = classes.load(init.mainClass());
    long importMs = (System.nanoTime() - begun) / 1_000_000;
    // As a class in the form of `allspark` gets "" for a model that the service does not have.
    String model = init.modelFile() == null ? "" : init.modelFile();
    String config = init.modelConfig() == null ? "" : init.modelConfig();
    try {
      Object processor = make(type, model, config);
      load(processor);
      Thread.interrupted(); // as after each request
      ProcessMethod process = ProcessMethod.of(processor);
      String text = "{\"processor\":\"custom\",\"language\":\"java\",\"class\":" + Json.quoted(type.getName()) + ",\"inputs\":[\"bytes\"]}";
      return new CustomProcessor(process, text.getBytes(StandardCharsets.UTF_8), importMs);
    } catch (ExceptionInInitializerError error) {
      throw refusal("a static part of the processor's classes", error);
    } catch (LinkageError error) {
      error.printStackTrace();
      throw new Refusal(classes.missingText(error));
    }
  }

  @Override
  public long importMs() {
    return importMs;
  }

  private static Object make(Class<?> type, String model, String config) throws Refusal {
    String name = type.getName();
    if (type.isInterface() || Modifier.isAbstract(type.getModifiers())) {
      throw new Refusal("the class " + name + " is abstract; allowed: a class that can be made");
    }
    try {
      Constructor<?> twoTexts = constructor(type, String.class, String.class);
      if (twoTexts != null) return twoTexts.newInstance(model, config);
      Constructor<?> empty = constructor(type);
      if (empty != null) return empty.newInstance();
    } catch (InvocationTargetException thrown) {
      throw refusal("the constructor of " + name, thrown.getCause());
    } catch (ReflectiveOperationException error) {
      throw new Refusal("the class " + name + " cannot be made: " + Failures.oneLine(error));
    }
    throw new Refusal("the class " + name + " has neither a constructor (String modelEntry, String modelConfig) nor one without parameters");
  }

  private static Constructor<?> constructor(Class<?> type, Class<?>... parameters) {
    try {
      Constructor<?> found = type.getDeclaredConstructor(parameters);
      found.setAccessible(true);
      return found;
    } catch (NoSuchMethodException none) {
      return null;
    }
  }

  private static void load(Object processor) throws Refusal {
    for (Class<?> type = processor.getClass(); type != null; type = type.getSuperclass()) {
      try {
        Method load = type.getDeclaredMethod("Load");
        load.setAccessible(true);
        load.invoke(processor);
        return;
      } catch (NoSuchMethodException none) {
        continue;
      } catch (InvocationTargetException thrown) {
        throw refusal("Load of " + processor.getClass().getName(), thrown.getCause());
      } catch (ReflectiveOperationException | RuntimeException error) {
        throw new Refusal("Load of " + processor.getClass().getName() + " cannot be called: " + Failures.oneLine(error));
      }
    }
  }

  /** What the user's code threw while it loaded; memory and classes that are missing have sentences of their own. */
  private static Refusal refusal(String where, Throwable thrown) {
    if (thrown instanceof OutOfMemoryError memory) throw memory;
    if (thrown instanceof LinkageError linkage && !(thrown instanceof ExceptionInInitializerError)) throw linkage;
    Throwable shown = thrown instanceof ExceptionInInitializerError && thrown.getCause() != null ? thrown.getCause() : thrown;
    thrown.printStackTrace();
    String type = shown.getClass().getSimpleName();
    String message = shown.getMessage() == null ? "" : ": " + Failures.oneLine(shown);
    return new Refusal(where + " threw " + type + message + place(shown));
  }

  /** Where in the user's own code, or nothing. */
  private static String place(Throwable thrown) {
    for (StackTraceElement at : thrown.getStackTrace()) {
      if (UserClasses.LOADER.equals(at.getClassLoaderName()) && at.getFileName() != null) {
        return " (" + at.getFileName() + ":" + at.getLineNumber() + ")";
      }
    }
    return "";
  }

  @Override
  public Answer process(Request request) throws Refusal {
    Answer answer;
    try {
      answer = process.call(request);
    } catch (Exception thrown) {
      thrown.printStackTrace();
      String message = thrown.getMessage();
      throw new Refusal(message == null || message.isBlank() ? thrown.getClass().getSimpleName() : message);
    } catch (OutOfMemoryError memory) {
      throw memory;
    } catch (Error error) {
      String message = error.getMessage() == null ? "" : ": " + Failures.oneLine(error);
      throw new IllegalStateException("the processor failed with " + error.getClass().getSimpleName() + message, error);
    } catch (Throwable other) {
      throw new IllegalStateException("the processor threw " + other.getClass().getName() + ": " + Failures.oneLine(other), other);
    } finally {
      // A thread that the user's code leaves interrupted would close the connection to the engine at its next write.
      Thread.interrupted();
    }
    if (answer == null) throw new IllegalStateException("Process returned null; allowed: byte[] or String");
    return answer;
  }

  @Override
  public byte[] describe() {
    return description;
  }
}
