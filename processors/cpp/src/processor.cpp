#include "processor.h"

#include <cxxabi.h>
#include <malloc.h>

#include <climits>
#include <cstdio>
#include <exception>
#include <new>
#include <typeinfo>

#include "crash.h"
#include "json.h"

namespace {

/** Longest text of an exception that goes to a client. */
constexpr size_t MESSAGE_CHARS_MAX = 2000;
/** A length that no processor gives: it has left it as it was. */
constexpr int UNTOUCHED = INT_MIN;

const std::string TEXT = "content-type: text/plain; charset=utf-8\n";
const std::string JSON = "content-type: application/json\n";

/** Says which function a thread is in, for as long as it is there. */
struct Inside {
  explicit Inside(const char *function) { inFunction = function; }
  ~Inside() { inFunction = nullptr; }
};

bool isSuccess(int code) { return code == 0 || code == 200; }

std::string oneLine(const std::string &text) {
  std::string line;
  for (char c : text) {
    bool isSpace = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!isSpace) line.push_back(c);
    else if (!line.empty() && line.back() != ' ') line.push_back(' ');
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line.substr(0, MESSAGE_CHARS_MAX);
}

struct Thrown {
  bool isOutOfMemory = false;
  std::string text;
};

/** Runs a function of the library; what it throws is `type: message` in one line. */
template <typename Call>
bool attempt(const char *function, Thrown &thrown, Call call) {
  Inside inside(function);
  try {
    call();
    return true;
  } catch (const std::bad_alloc &) {
    thrown.isOutOfMemory = true;
    thrown.text = "std::bad_alloc";
  } catch (const std::exception &error) {
    thrown.text = oneLine(demangled(typeid(error).name()) + ": " + error.what());
  } catch (...) {
    const std::type_info *type = abi::__cxa_current_exception_type();
    thrown.text = "an exception of type " + (type == nullptr ? std::string("unknown") : demangled(type->name()));
  }
  return false;
}

}  // namespace

struct Processor::Output {
  const char *function;
  int code = 0;
  void *data = nullptr;
  int size = 0;
};

Processor::Processor(const Library &library, const std::string &modelEntry, const std::string &modelConfig, std::string outOfMemory)
    : library_(library), outOfMemory_(std::move(outOfMemory)) {
  int state = 0;
  Thrown thrown;
  bool isDone = attempt("initialize", thrown, [&] { model_ = library_.initialize(modelEntry.c_str(), modelConfig.c_str(), &state); });
  if (thrown.isOutOfMemory) throw std::bad_alloc();
  if (!isDone) throw Refusal("initialize of " + library_.name + " ended by " + thrown.text);
  if (state != 0) {
    throw Refusal("initialize of " + library_.name + " refused the model: it set its state to " + std::to_string(state) +
                  "; what it printed stands in the log");
  }
}

void Processor::answer(Frame &frame, Answers &answers) const {
  switch (frame.type) {
    case frame::REQUEST:
    case frame::TIMED_REQUEST:
      return answerRequest(frame.id, frame.body, answers);
    case frame::BATCH:
      return answerBatch(frame.rows, answers);
    default:
      return describe(frame.id, answers);
  }
}

void Processor::answerRequest(uint32_t id, const Body &body, Answers &answers) const {
  if (body.data() == nullptr) return refuse(id, 500, outOfMemory_, answers);
  Output output{"process"};
  Thrown thrown;
  bool isDone =
      attempt(output.function, thrown, [&] { output.code = library_.process(model_, body.data(), body.size(), &output.data, &output.size); });
  checkBody(body, output.function);
  if (!isDone) return refuse(id, thrown.isOutOfMemory ? 500 : 400, thrown.isOutOfMemory ? outOfMemory_ : thrown.text, answers);
  give(id, output, &body, answers);
}

void Processor::answerBatch(std::vector<Row> &rows, Answers &answers) const {
  size_t count = rows.size();
  std::vector<const void *> inputs(count + 1, nullptr);
  std::vector<int> inputSizes(count + 1, 0);
  std::vector<void *> outputs(count + 1, nullptr);
  std::vector<int> outputSizes(count + 1, UNTOUCHED);
  bool isWhole = count > 0;
  for (size_t i = 0; i < count; i++) {
    inputs[i] = rows[i].body.data();
    inputSizes[i] = rows[i].body.size();
    isWhole = isWhole && inputs[i] != nullptr;
  }
  int code = 500;
  Thrown thrown;
  bool isDone = isWhole && library_.batch != nullptr && attempt("batch_process", thrown, [&] {
    code = library_.batch(model_, inputs.data(), inputSizes.data(), outputs.data(), outputSizes.data());
  });
  for (size_t i = 0; i < count; i++) {
    const Body &body = rows[i].body;
    if (body.data() != nullptr) checkBody(body, "batch_process");
    if (isDone && outputSizes[i] != UNTOUCHED && (isSuccess(code) || count == 1)) {
      give(rows[i].id, {"batch_process", code, outputs[i], outputSizes[i]}, &body, answers);
      continue;
    }
    // One row must not fail the others, and a library may be made for fewer rows than it was given.
    if (isDone && outputs[i] != nullptr && !body.contains(outputs[i])) std::free(outputs[i]);
    answerRequest(rows[i].id, body, answers);
  }
}

void Processor::describe(uint32_t id, Answers &answers) const {
  if (library_.describe == nullptr) {
    std::string text = "{\"processor\":\"custom\",\"language\":\"cpp\",\"entry\":" + jsonString(library_.name) + "}";
    return answers.response(id, 200, JSON, text.data(), text.size());
  }
  Output output{"describe"};
  Thrown thrown;
  bool isDone = attempt(output.function, thrown, [&] { output.code = library_.describe(model_, &output.data, &output.size); });
  if (!isDone) return refuse(id, 500, thrown.isOutOfMemory ? outOfMemory_ : thrown.text, answers);
  give(id, output, nullptr, answers);
}

void Processor::give(uint32_t id, const Output &output, const Body *body, Answers &answers) const {
  const auto &[function, code, data, size] = output;
  std::string wrong;
  bool isOurs = false;
  if (size < 0 || size > frame::OUTPUT_BYTES_MAX) {
    wrong = "a length of " + std::to_string(size) + " bytes; allowed: 0 to " + std::to_string(frame::OUTPUT_BYTES_MAX);
  } else if (data == nullptr && size > 0) {
    wrong = "a length of " + std::to_string(size) + " bytes and no address of them";
  } else if (body != nullptr && data != nullptr && body->contains(data)) {
    wrong = "a place inside of its input; allowed: memory from malloc";
    isOurs = true;
  } else if (data != nullptr && ::malloc_usable_size(data) < static_cast<size_t>(size)) {
    wrong = "a length of " + std::to_string(size) + " bytes for memory of " + std::to_string(::malloc_usable_size(data)) + " bytes";
  } else if (code != 0 && (code < 200 || code > 599)) {
    wrong = "the code " + std::to_string(code) + "; allowed: 0, or an HTTP code from 200 to 599";
  }
  if (!wrong.empty()) {
    if (!isOurs) std::free(data);
    return refuse(id, 500, std::string(function) + " of " + library_.name + " returned " + wrong, answers);
  }
  static const std::string none;
  int status = code == 0 ? 200 : code;
  const std::string &head = status >= 400 ? TEXT : body == nullptr ? JSON : none;
  answers.responseOwned(id, status, head, data, static_cast<size_t>(size));
}

void Processor::refuse(uint32_t id, int status, const std::string &message, Answers &answers) const {
  std::fprintf(stderr, "%s\n", message.c_str());
  answers.error(id, status, message);
}

/** Memory of others is broken then, too: nothing that comes after it can be trusted. */
void Processor::checkBody(const Body &body, const char *function) const {
  if (body.isIntact()) return;
  std::fprintf(stderr, "%s of %s wrote behind the end of its input\n", function, library_.name.c_str());
  inFunction = function;
  std::abort();
}
