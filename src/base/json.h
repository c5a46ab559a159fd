// JSON out (RFC 8259), streamed: no tree is built. Two layers:
//   escape_json  text -> the inside of a JSON string, into memory the caller has room for (6 bytes per byte at most)
//   JsonWriter   objects, arrays and values appended to a std::string; commas and nesting are its business
// Whatever bytes go in, valid UTF-8 comes out: control characters (C0, DEL, C1) are escaped, so that a line printed to
// a terminal stays harmless, and each maximal ill-formed subpart becomes U+FFFD (Unicode 3.9, as WHATWG decoders do).
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

inline constexpr std::size_t kJsonEscapeFactor = 6;

// Writes at most kJsonEscapeFactor * text.size() bytes to `out`, answers the end. Plain text goes 16 bytes a step.
char* escape_json(char* out, std::string_view text);

// Nesting is bounded; breaking the grammar (a value where a key is due, ending what was not begun) is a programmer
// error and stops the program.
class JsonWriter {
 public:
  static constexpr std::size_t kMaxDepth = 32;
  explicit JsonWriter(std::string& out) : out_(out) {}
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;

  JsonWriter& begin_object() { return begin('{'); }
  JsonWriter& end_object() { return end('{', '}'); }
  JsonWriter& begin_array() { return begin('['); }
  JsonWriter& end_array() { return end('[', ']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& value(bool yes);
  JsonWriter& value(double number);            // not finite: null
  JsonWriter& null();
  JsonWriter& json(std::string_view text);     // a value that is JSON already
  template <std::signed_integral T>
  JsonWriter& value(T number) { return signed_value(number); }
  template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>)
  JsonWriter& value(T number) { return unsigned_value(number); }

  template <class T>
  JsonWriter& field(std::string_view name, const T& what) { return key(name).value(what); }

  std::size_t depth() const { return depth_; }

 private:
  struct Level {
    char kind = 0;
    bool any = false;
  };
  JsonWriter& begin(char kind);
  JsonWriter& end(char kind, char close);
  JsonWriter& signed_value(std::int64_t number);
  JsonWriter& unsigned_value(std::uint64_t number);
  void before_value();
  void string(std::string_view text);

  std::string& out_;
  std::array<Level, kMaxDepth> levels_{};
  std::size_t depth_ = 0;
  bool key_given_ = false;
};

}  // namespace weir
