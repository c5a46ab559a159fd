#include "foreign/escapes.h"

#include <cstddef>
#include <cstring>

namespace weir::foreign {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// `digits` hexadecimal digits at `at`; -1 where they are not all there.
int hex_number(std::string_view text, std::size_t at, std::size_t digits) {
  if (at + digits > text.size()) return -1;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const int digit = hex_digit(text[at + i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

char* put_utf8(char* out, std::uint32_t code) {
  if (code < 0x80) {
    *out++ = static_cast<char>(code);
  } else if (code < 0x800) {
    *out++ = static_cast<char>(0xc0 | code >> 6);
    *out++ = static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    *out++ = static_cast<char>(0xe0 | code >> 12);
    *out++ = static_cast<char>(0x80 | (code >> 6 & 0x3f));
    *out++ = static_cast<char>(0x80 | (code & 0x3f));
  } else {
    *out++ = static_cast<char>(0xf0 | code >> 18);
    *out++ = static_cast<char>(0x80 | (code >> 12 & 0x3f));
    *out++ = static_cast<char>(0x80 | (code >> 6 & 0x3f));
    *out++ = static_cast<char>(0x80 | (code & 0x3f));
  }
  return out;
}

// The single characters that may stand behind a backslash; 0: none.
char named(char c, Escape escape) {
  switch (c) {
    case '"':
    case '\\':
      return c;
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'v':
      return escape == Escape::backslash ? '\v' : '\0';
    case '/':
      return escape == Escape::json ? '/' : '\0';
    default:
      return '\0';
  }
}

// text[at] is the backslash. Answers how many bytes were used; 1: it was no escape.
std::size_t unescape_one(std::string_view text, std::size_t at, Escape escape, char*& out) {
  if (at + 1 < text.size()) {
    const char next = text[at + 1];
    if (escape == Escape::backslash && next == 'x') {
      if (const int byte = hex_number(text, at + 2, 2); byte >= 0) {
        *out++ = static_cast<char>(byte);
        return 4;
      }
    } else if (escape == Escape::json && next == 'u') {
      if (const int unit = hex_number(text, at + 2, 4); unit >= 0) {
        auto code = static_cast<std::uint32_t>(unit);
        std::size_t used = 6;
        if (code >= 0xd800 && code < 0xdc00 && text.substr(at + 6).starts_with("\\u")) {
          const int low = hex_number(text, at + 8, 4);
          if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (static_cast<std::uint32_t>(low) - 0xdc00);
            used = 12;
          }
        }
        if (code >= 0xd800 && code < 0xe000) code = 0xfffd;
        out = put_utf8(out, code);
        return used;
      }
    } else if (const char c = named(next, escape); c != '\0') {
      *out++ = c;
      return 2;
    }
  }
  *out++ = '\\';
  return 1;
}

}  // namespace

bool has_escapes(std::string_view text, Escape escape) {
  if (text.empty()) return false;
  switch (escape) {
    case Escape::none:
      return false;
    case Escape::hash:
      return text.find('#') != std::string_view::npos;
    case Escape::doubled:
      return text.find('"') != std::string_view::npos;
    default:
      return std::memchr(text.data(), '\\', text.size()) != nullptr;
  }
}

char* unescape(std::string_view text, Escape escape, char* out) {
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '\\' && (escape == Escape::backslash || escape == Escape::json)) {
      i += unescape_one(text, i, escape, out);
      continue;
    }
    const bool pair = i + 1 < text.size() && text[i + 1] == '"';
    if (pair &&
        ((escape == Escape::quote && c == '\\') || (escape == Escape::doubled && c == '"'))) {
      *out++ = '"';
      i += 2;
      continue;
    }
    if (escape == Escape::hash && c == '#') {
      if (const int byte = hex_number(text, i + 1, 2); byte >= 0) {
        *out++ = static_cast<char>(byte);
        i += 3;
        continue;
      }
    }
    *out++ = c;
    ++i;
  }
  return out;
}

}  // namespace weir::foreign
