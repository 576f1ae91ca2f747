#include "json.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

/** Levels of nesting; the INIT frame has a handful. */
constexpr int DEPTH_MAX = 64;

class Parser {
 public:
  explicit Parser(const std::string &text) : at_(text.data()), end_(at_ + text.size()) {}

  bool whole(Json &into) {
    if (!value(into, 0)) return false;
    space();
    return at_ == end_;
  }

 private:
  const char *at_;
  const char *end_;

  void space() {
    while (at_ < end_ && std::strchr(" \t\r\n", *at_) != nullptr && *at_ != '\0') at_++;
  }

  bool word(const char *expected) {
    size_t length = std::strlen(expected);
    if (static_cast<size_t>(end_ - at_) < length || std::memcmp(at_, expected, length) != 0) return false;
    at_ += length;
    return true;
  }

  bool character(char expected) {
    space();
    if (at_ == end_ || *at_ != expected) return false;
    at_++;
    return true;
  }

  bool value(Json &into, int depth) {
    space();
    if (at_ == end_ || depth > DEPTH_MAX) return false;
    switch (*at_) {
      case '{':
        return object(into, depth);
      case '[':
        return list(into, depth);
      case '"':
        into.kind = Json::Kind::text;
        return text(into.text);
      case 't':
      case 'f':
        into.kind = Json::Kind::boolean;
        into.boolean = *at_ == 't';
        return word(into.boolean ? "true" : "false");
      case 'n':
        return word("null");
      default:
        return number(into);
    }
  }

  bool object(Json &into, int depth) {
    into.kind = Json::Kind::object;
    at_++;
    if (character('}')) return true;
    do {
      space();
      auto &member = into.members.emplace_back();
      if (at_ == end_ || *at_ != '"' || !text(member.first) || !character(':') || !value(member.second, depth + 1)) return false;
    } while (character(','));
    return character('}');
  }

  bool list(Json &into, int depth) {
    into.kind = Json::Kind::list;
    at_++;
    if (character(']')) return true;
    do {
      if (!value(into.items.emplace_back(), depth + 1)) return false;
    } while (character(','));
    return character(']');
  }

  bool number(Json &into) {
    into.kind = Json::Kind::number;
    const char *from = at_;
    while (at_ < end_ && std::strchr("+-0123456789.eE", *at_) != nullptr && *at_ != '\0') at_++;
    std::string digits(from, at_);
    char *stop = nullptr;
    into.number = std::strtod(digits.c_str(), &stop);
    return !digits.empty() && *stop == '\0';
  }

  bool hex(unsigned &code) {
    if (end_ - at_ < 4) return false;
    char *stop = nullptr;
    std::string digits(at_, 4);
    code = static_cast<unsigned>(std::strtoul(digits.c_str(), &stop, 16));
    at_ += 4;
    return *stop == '\0';
  }

  static void append(std::string &into, unsigned code) {
    auto put = [&](unsigned byte) { into.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xc0 | code >> 6);
      put(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
      put(0xe0 | code >> 12);
      put(0x80 | (code >> 6 & 0x3f));
      put(0x80 | (code & 0x3f));
    } else {
      put(0xf0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3f));
      put(0x80 | (code >> 6 & 0x3f));
      put(0x80 | (code & 0x3f));
    }
  }

  bool escape(std::string &into) {
    static const char letters[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    if (at_ == end_) return false;
    char letter = *at_++;
    if (letter == 'u') {
      unsigned code = 0;
      if (!hex(code)) return false;
      if (code >= 0xd800 && code < 0xdc00 && end_ - at_ >= 6 && at_[0] == '\\' && at_[1] == 'u') {
        at_ += 2;
        unsigned low = 0;
        if (!hex(low)) return false;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      }
      append(into, code);
      return true;
    }
    const char *found = letter == '\0' ? nullptr : std::strchr(letters, letter);
    if (found == nullptr) return false;
    into.push_back(meant[found - letters]);
    return true;
  }

  bool text(std::string &into) {
    at_++;
    while (at_ < end_ && *at_ != '"') {
      if (*at_ == '\\') {
        at_++;
        if (!escape(into)) return false;
      } else {
        into.push_back(*at_++);
      }
    }
    if (at_ == end_) return false;
    at_++;
    return true;
  }
};

/** Length of the UTF-8 character that begins here, 0 when none does. */
int characterLength(const unsigned char *at, size_t left) {
  int length = at[0] < 0x80 ? 1 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2 : at[0] >= 0xe0 && at[0] < 0xf0 ? 3 : at[0] >= 0xf0 && at[0] < 0xf5 ? 4 : 0;
  if (length == 0 || static_cast<size_t>(length) > left) return 0;
  for (int i = 1; i < length; i++) {
    if ((at[i] & 0xc0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

const Json &Json::operator[](const char *name) const {
  static const Json nothing;
  for (const auto &[key, value] : members) {
    if (key == name) return value;
  }
  return nothing;
}

std::optional<Json> Json::parse(const std::string &text) {
  Json value;
  if (!Parser(text).whole(value)) return std::nullopt;
  return value;
}

std::string jsonString(const std::string &text) {
  std::string out = "\"";
  const auto *at = reinterpret_cast<const unsigned char *>(text.data());
  size_t left = text.size();
  while (left > 0) {
    int length = characterLength(at, left);
    if (length == 0) {
      out += "\\ufffd";
      length = 1;
    } else if (*at == '"' || *at == '\\') {
      out.push_back('\\');
      out.push_back(static_cast<char>(*at));
    } else if (*at < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", *at);
      out += code;
    } else {
      out.append(reinterpret_cast<const char *>(at), static_cast<size_t>(length));
    }
    at += length;
    left -= static_cast<size_t>(length);
  }
  out.push_back('"');
  return out;
}
