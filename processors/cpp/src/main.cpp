/** A worker for processors in C and C++: connects to its engine, loads the user's library, serves until told to stop. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "crash.h"
#include "frames.h"
#include "json.h"
#include "library.h"
#include "processor.h"
#include "serving.h"

namespace {

/** Address space that a thread's stack reserves counts as data memory although almost none of it is used. */
constexpr rlim_t STACK_BYTES = 8u * 1024 * 1024;
/** Beside those that answer: the one that reads, and the watchdog. */
constexpr int OTHER_THREADS = 2;

/** Has the kernel kill this process when its engine dies, also while it is in a call that never returns. */
void dieWithParent() {
  pid_t parent = ::getppid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != parent) ::_exit(0);
}

void limitMemory(double memoryMb, int threads) {
  rlimit limit{};
  ::getrlimit(RLIMIT_DATA, &limit);
  rlim_t wanted = static_cast<rlim_t>(memoryMb * 1024 * 1024) + static_cast<rlim_t>(threads) * STACK_BYTES;
  limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || wanted < limit.rlim_max ? wanted : limit.rlim_max;
  ::setrlimit(RLIMIT_DATA, &limit);
}

Json readInit(Connection &connection, std::deque<Frame> &pending) {
  connection.read(pending);
  Frame first = std::move(pending.front());
  pending.pop_front();
  if (first.type != frame::INIT) throw BrokenPeer("a frame of type " + std::to_string(first.type) + " before INIT");
  auto init = Json::parse(std::string(first.body.data(), static_cast<size_t>(first.body.size())));
  if (!init || static_cast<int>((*init)["protocol"].number) != frame::PROTOCOL) throw BrokenPeer("an INIT of another protocol");
  return std::move(*init);
}

void tell(Connection &connection, uint8_t type, const std::string &payload) {
  Answers answers;
  answers.frame(type, 0, payload);
  connection.send(answers);
}

bool isOffered(const Json &init, const char *feature) {
  for (const auto &item : init["features"].items) {
    if (item.text == feature) return true;
  }
  return false;
}

int fail(Connection &connection, const std::string &message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  tell(connection, frame::FAILED, "{\"message\":" + jsonString(message) + "}");
  return 1;
}

std::string megabytes(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%g MB", number);
  return text;
}

int work(const char *socketPath) {
  Connection connection(socketPath);
  std::deque<Frame> pending;
  Json init = readInit(connection, pending);
  const Json &model = init["model"];
  const Json &limits = init["limits"];
  int threads = std::max(1, static_cast<int>(init["rpc"]["workerThreads"].number));
  double memoryMb = limits["memoryMb"].number;
  std::string path = init["processor"]["dir"].text + "/" + init["processor"]["entry"].text;
  std::string entry = model["entry"].kind == Json::Kind::text ? model["entry"].text : model["path"].text;
  std::string outOfMemory = "the processor ran out of memory for this request; metadata.memory is " + megabytes(memoryMb);
  std::string name = path.substr(path.rfind('/') + 1);
  tellCrashes(name.c_str());
  try {
    if (!limits["isMemoryHeld"].boolean) limitMemory(memoryMb, threads + OTHER_THREADS);
    tell(connection, frame::PROGRESS, "loading " + name);
    const auto begun = std::chrono::steady_clock::now();
    Library library = Library::load(path);
    const auto importMs = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun).count();
    std::string stages = ",\"stages\":[{\"name\":\"import\",\"ms\":" + std::to_string(importMs) + "}]";
    tell(connection, frame::PROGRESS, "initializing " + name);
    Processor processor(library, entry, model["config"].text, outOfMemory);
    std::string batch = library.batch == nullptr ? "" : ",\"batch\":true";
    std::string timed = isOffered(init, "deadline") ? ",\"features\":[\"deadline\"]" : "";
    tell(connection, frame::READY, "{\"pid\":" + std::to_string(::getpid()) + ",\"runtime\":\"c++\"" + batch + stages + timed + "}");
    Serving(connection, std::move(pending), processor).run(threads);
    return 0;
  } catch (const Refusal &refusal) {
    return fail(connection, refusal.what());
  } catch (const std::bad_alloc &) {
    return fail(connection, "the processor ran out of memory while loading; metadata.memory is " + megabytes(memoryMb));
  }
}

}  // namespace

/** Exit codes: 0 told to stop or engine gone, 1 could not load, 2 not started by an engine. */
int main() {
  const char *path = std::getenv("SLUICE_WORKER_SOCKET");
  if (path == nullptr) {
    std::fprintf(stderr, "SLUICE_WORKER_SOCKET is not set: this program is started by the engine\n");
    return 2;
  }
  // Only the engine ends this process: a signal to the whole process group must not cut short what is in flight.
  ::signal(SIGTERM, SIG_IGN);
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
  dieWithParent();
  // Standard output is a pipe: what is printed is in the log line by line, not when a buffer is full.
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  int code = 0;
  try {
    code = work(path);
  } catch (const PeerGone &) {
    ::_exit(0);
  } catch (const BrokenPeer &error) {
    std::fprintf(stderr, "the engine sent %s\n", error.what());
  } catch (const std::exception &error) {
    std::fprintf(stderr, "the worker could not start: %s\n", error.what());
    code = 1;
  }
  expectExit();
  return code;
}
