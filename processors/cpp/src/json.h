#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

/** A JSON value (RFC 8259), as much of it as the INIT frame needs. */
struct Json {
  enum class Kind { null, boolean, number, text, list, object };
  Kind kind = Kind::null;
  bool boolean = false;
  double number = 0;
  std::string text;
  std::vector<Json> items;
  std::vector<std::pair<std::string, Json>> members;

  /** The member with this name; a null value when there is none, or this is no object. */
  const Json &operator[](const char *name) const;

  /** Nothing when the text is not JSON. */
  static std::optional<Json> parse(const std::string &text);
};

/** A text as a JSON string with its quotes. What is not UTF-8 in it becomes U+FFFD. */
std::string jsonString(const std::string &text);
