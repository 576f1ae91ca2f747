#pragma once
#include <stdexcept>
#include <string>

/** It cannot be served: one sentence for people. */
struct Refusal : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/** The functions of a user's library (eas-reference §5.5; include/sluice_processor.h). */
struct Library {
  /** Its file name, for messages. */
  std::string name;
  void *(*initialize)(const char *, const char *, int *) = nullptr;
  int (*process)(void *, const void *, int, void **, int *) = nullptr;
  /** Null when there is none. */
  int (*batch)(void *, const void *[], int *, void *[], int *) = nullptr;
  int (*describe)(void *, void **, int *) = nullptr;

  /** Throws Refusal. */
  static Library load(const std::string &path);
};

/** The name of a type or function as it is written in C++. */
std::string demangled(const char *name);
