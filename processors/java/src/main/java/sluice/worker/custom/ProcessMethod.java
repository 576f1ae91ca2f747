package sluice.worker.custom;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import sluice.worker.Answer;
import sluice.worker.Refusal;
import sluice.worker.Request;

/** `Process` of a user's class: bytes or text in, bytes or text out (eas-reference §5.5). */
final class ProcessMethod {
  static final String ALLOWED = "byte[] Process(byte[]), or with String in place of either byte[]";

  private final MethodHandle handle;
  private final boolean isTextIn;

  private ProcessMethod(MethodHandle handle, boolean isTextIn) {
    this.handle = handle;
    this.isTextIn = isTextIn;
  }

  /** That of `processor`; the one that takes bytes where there are two. */
  static ProcessMethod of(Object processor) throws Refusal {
    Method method = find(processor.getClass(), byte[].class);
    boolean isTextIn = method == null;
    if (isTextIn) method = find(processor.getClass(), String.class);
    if (method == null) throw new Refusal(whyNone(processor.getClass()));
    try {
      method.setAccessible(true);
      MethodHandle handle = MethodHandles.lookup().unreflect(method);
      if (!Modifier.isStatic(method.getModifiers())) handle = handle.bindTo(processor);
      return new ProcessMethod(handle.asType(MethodType.methodType(Object.class, Object.class)), isTextIn);
    } catch (ReflectiveOperationException | RuntimeException error) {
      throw new Refusal("Process of " + processor.getClass().getName() + " cannot be called: " + error.getMessage());
    }
  }

  /** What the method gave, as an answer; null and anything it throws are let through. */
  Answer call(Request request) throws Throwable {
    Object in = isTextIn
        ? new String(request.bytes, request.bodyFrom, request.bodyLength, StandardCharsets.UTF_8)
        : request.body();
    Object out = (Object) handle.invokeExact(in);
    if (out instanceof byte[] bytes) return Answer.bytes(bytes);
    return out == null ? null : Answer.text((String) out);
  }

  private static Method find(Class<?> type, Class<?> in) {
    for (Method method : all(type)) {
      Class<?> out = method.getReturnType();
      boolean isFit = method.getParameterCount() == 1 && method.getParameterTypes()[0] == in;
      if (isFit && !method.isBridge() && (out == byte[].class || out == String.class)) return method;
    }
    return null;
  }

  /** Every method called Process, those of the class itself first. */
  private static List<Method> all(Class<?> type) {
    List<Method> found = new ArrayList<>();
    for (Class<?> at = type; at != null && at != Object.class; at = at.getSuperclass()) {
      for (Method method : at.getDeclaredMethods()) if (method.getName().equals("Process")) found.add(method);
    }
    for (Method method : type.getMethods()) if (method.getName().equals("Process")) found.add(method); // of interfaces
    return found;
  }

  private static String whyNone(Class<?> type) {
    List<String> found = new ArrayList<>();
    for (Method method : all(type)) found.add(text(method));
    if (found.isEmpty()) {
      for (Method method : type.getMethods()) if (method.getName().equalsIgnoreCase("process")) found.add(text(method));
    }
    String what = found.isEmpty() ? "no method Process" : String.join(", ", found.stream().distinct().toList());
    return "the class " + type.getName() + " has " + what + "; allowed: " + ALLOWED;
  }

  private static String text(Method method) {
    List<String> types = new ArrayList<>();
    for (Class<?> type : method.getParameterTypes()) types.add(type.getSimpleName());
    return method.getReturnType().getSimpleName() + " " + method.getName() + "(" + String.join(", ", types) + ")";
  }
}
