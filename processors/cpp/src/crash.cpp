#include "crash.h"

#include <cxxabi.h>
#include <execinfo.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <typeinfo>

#include "library.h"

thread_local const char *inFunction = nullptr;

namespace {

constexpr size_t SIGNAL_STACK_BYTES = 64 * 1024;
/** Stack trace: first frames only, as a log line is read by people. */
constexpr int FRAMES_MAX = 24;
/** Telling may hang where the heap or the loader was held; then the process is ended by SIGALRM. */
constexpr unsigned TELL_S_MAX = 5;

char library[256] = "the library";
/** What nothing caught, for the abort that follows. */
char uncaught[512] = "";
bool isExitExpected = false;

/** Signal handlers may not allocate: this is all of printf that they need. */
struct Line {
  char text[1024];
  size_t length = 0;
  Line &operator<<(const char *part) {
    while (*part != '\0' && length < sizeof text - 1) text[length++] = *part++;
    return *this;
  }
  Line &hex(uintptr_t number) {
    char digits[20];
    size_t at = sizeof digits;
    digits[--at] = '\0';
    do digits[--at] = "0123456789abcdef"[number & 15];
    while ((number >>= 4) != 0);
    return *this << "0x" << digits + at;
  }
  void write() {
    text[length++] = '\n';
    size_t at = 0;
    while (at < length) {
      ssize_t sent = ::write(STDERR_FILENO, text + at, length - at);
      if (sent <= 0) return;
      at += static_cast<size_t>(sent);
    }
  }
};

const char *nameOf(int number) {
  switch (number) {
    case SIGSEGV:
      return "SIGSEGV";
    case SIGBUS:
      return "SIGBUS";
    case SIGFPE:
      return "SIGFPE";
    case SIGILL:
      return "SIGILL";
    default:
      return "SIGABRT";
  }
}

void onSignal(int number, siginfo_t *facts, void *) {
  ::alarm(TELL_S_MAX);
  // The trace first: the last line is what the instance is said to have failed with.
  void *frames[FRAMES_MAX];
  int count = ::backtrace(frames, FRAMES_MAX);
  ::backtrace_symbols_fd(frames, count, STDERR_FILENO);
  Line line;
  line << library << " ended the worker by " << nameOf(number);
  if (inFunction != nullptr) line << " in " << inFunction;
  if (number == SIGSEGV || number == SIGBUS) (line << " at address ").hex(reinterpret_cast<uintptr_t>(facts->si_addr));
  if (uncaught[0] != '\0') line << ": nothing caught " << uncaught;
  line.write();
  // SA_RESETHAND: this one ends the process, with the signal that it was.
  ::raise(number);
}

void onUncaught() {
  const std::type_info *type = abi::__cxa_current_exception_type();
  if (type != nullptr) {
    std::string text = demangled(type->name());
    try {
      throw;
    } catch (const std::exception &error) {
      text = text + ": " + error.what();
    } catch (...) {
    }
    std::snprintf(uncaught, sizeof uncaught, "%s", text.c_str());
  }
  std::abort();
}

void onExit() {
  if (isExitExpected) return;
  Line line;
  line << library << " ended the worker by exit()";
  if (inFunction != nullptr) line << " in " << inFunction;
  line.write();
}

}  // namespace

void giveSignalStack() {
  void *block = ::mmap(nullptr, SIGNAL_STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) return;
  stack_t stack{};
  stack.ss_sp = block;
  stack.ss_size = SIGNAL_STACK_BYTES;
  ::sigaltstack(&stack, nullptr);
}

void tellCrashes(const char *libraryName) {
  std::snprintf(library, sizeof library, "%s", libraryName);
  // Its first call loads a library, which a signal handler must not do.
  void *frame;
  ::backtrace(&frame, 1);
  giveSignalStack();
#ifndef __SANITIZE_ADDRESS__
  struct sigaction action{};
  action.sa_sigaction = onSignal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER;
  for (int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) ::sigaction(number, &action, nullptr);
#endif
  std::set_terminate(onUncaught);
  std::atexit(onExit);
}

void expectExit() { isExitExpected = true; }
