#pragma once
#include <string>

#include "frames.h"
#include "library.h"

/** A user's library with its model: answers frames, and lets nothing through that would harm a client. */
class Processor {
 public:
  /** Calls `initialize`; throws Refusal. `outOfMemory` is what a client is told when memory is refused. */
  Processor(const Library &library, const std::string &modelEntry, const std::string &modelConfig, std::string outOfMemory);

  /** Answers a REQUEST, BATCH or DESCRIBE. Called by several threads at once. */
  void answer(Frame &frame, Answers &answers) const;

 private:
  Library library_;
  std::string outOfMemory_;
  void *model_ = nullptr;

  struct Output;
  void answerRequest(uint32_t id, const Body &body, Answers &answers) const;
  void answerBatch(std::vector<Row> &rows, Answers &answers) const;
  void describe(uint32_t id, Answers &answers) const;
  /** Sends what a function gave, or a sentence about what is wrong with it. */
  void give(uint32_t id, const Output &output, const Body *body, Answers &answers) const;
  void refuse(uint32_t id, int status, const std::string &message, Answers &answers) const;
  void checkBody(const Body &body, const char *function) const;
};
